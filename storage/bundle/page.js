// The page in a bundle: tells what it holds, lists its events, and verifies them.

const bundle = JSON.parse(document.getElementById("data").textContent);
const verdict = document.getElementById("verdict");
const key = document.getElementById("key");
const say = (text, state) => {
  verdict.className = state;
  verdict.firstElementChild.textContent = text;
};

const shown = (data) => {
  try {
    const { sealed, ...open } = JSON.parse(data);
    return JSON.stringify(open) + (sealed ? " and personal data, encrypted" : "");
  } catch {
    return data;
  }
};

// Which of its streams an event of an order is of: the order's own, its payment's, or that of a part.
const whose = ({ stream }) => {
  if (!bundle.order) return stream;
  if (stream === `order-${bundle.order}`) return "order";
  return stream.startsWith("payment-") ? "payment" : `part ${stream.slice(6, 14)}`;
};

let rows = [];
const list = (events) => {
  const body = document.getElementById("events");
  body.replaceChildren();
  rows = events.map((event) => {
    const row = body.insertRow();
    const cells = ["", event.position, whose(event), event.version, event.recorded_at, event.type];
    cells.forEach((text, index) => {
      const cell = row.insertCell();
      cell.textContent = text;
      cell.className = ["mark", "number", "", "number", "", ""][index];
    });
    const code = row.insertCell().appendChild(document.createElement("code"));
    code.textContent = shown(event.data);
    return row;
  });
};

const mark = (number, sound) => {
  const cell = rows[number]?.cells[0];
  if (!cell) return;
  cell.textContent = sound ? "\u2713" : "\u2717";
  cell.className = `mark ${sound ? "sound" : "broken"}`;
};

async function show() {
  if (!bundle.events) return;
  say("Verifying \u2026", "");
  const { state, text } = await verdictOn(bundle, mark, key.value.trim());
  say(text, state);
}

// An order's events are in this page. Those of a range or of the whole log lie beside it: there may be a million.

const listed = 500;
const wanted = bundle.kind === "log" ? ["events.ndjson"] : ["events.ndjson", "proofs.json"];
const given = new Map();

function summarise() {
  const held = document.getElementById("held");
  const tell = (term, text) => {
    held.appendChild(document.createElement("dt")).textContent = term;
    held.appendChild(document.createElement("dd")).textContent = text;
  };
  const kinds = Object.entries(bundle.types).sort(([, one], [, other]) => other - one);
  const { origin } = readCheckpoint(bundle.checkpoints.at(-1));
  const more = bundle.signed - bundle.checkpoints.length;
  const sizes = bundle.checkpoints.map((text) => readCheckpoint(text).size).join(", ");
  tell("Log", origin);
  tell("Events", `${bundle.total}, positions ${bundle.from} to ${bundle.to}`);
  tell("Recorded", `${bundle.recorded[0]} to ${bundle.recorded.at(-1)}`);
  tell("What", kinds.map(([kind, count]) => `${kind} ${count}`).join(", "));
  tell("Checkpoints", `at ${sizes}${more ? ` and ${more} before` : ""}`);
  if (bundle.left_out) say("Not in here", `${bundle.left_out} newer ones, not signed yet`);
  held.hidden = false;
  document.getElementById("listed").hidden = true;
}

async function take(files) {
  for (const file of files) if (wanted.includes(file.name)) given.set(file.name, file);
  const lacking = wanted.filter((name) => !given.has(name));
  if (lacking.length) {
    say(`Not verified yet: ${lacking.join(" and ")} from this bundle is still needed.`, "");
    return;
  }
  try {
    const lines = (await given.get("events.ndjson").text()).split("\n");
    bundle.events = lines.filter((line) => line).map((line) => JSON.parse(line));
    bundle.proofs = wanted.length > 1 ? JSON.parse(await given.get("proofs.json").text()) : {};
  } catch (error) {
    delete bundle.events;
    say(`These files cannot be read (${error.name}).`, "broken");
    return;
  }
  list(bundle.events.slice(0, listed));
  document.getElementById("listed").hidden = false;
  await show();
}

key.addEventListener("change", show);
if (bundle.events) {
  list(bundle.events);
  await show();
} else {
  summarise();
  if (bundle.total > bundle.most) {
    say(`Not verified here: more than the ${bundle.most} events that this page verifies. Use verify.py beside it.`, "");
  } else {
    say("Not verified yet.", "");
    document.getElementById("wanted").textContent = wanted.join(" and ");
    document.getElementById("drop").hidden = false;
    document.getElementById("files").addEventListener("change", ({ target }) => take(target.files));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      take(event.dataTransfer.files);
    });
  }
}
