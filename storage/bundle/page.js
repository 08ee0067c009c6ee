
// The page in a bundle: lists the events that it holds, and verifies them.

const bundle = JSON.parse(document.getElementById("data").textContent);
const verdict = document.getElementById("verdict");
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

// Which of its streams an event is of: the order's own, its payment's, or that of a part.
const whose = ({ stream }) => {
  if (stream === `order-${bundle.order}`) return "order";
  return stream.startsWith("payment-") ? "payment" : `part ${stream.slice(6, 14)}`;
};

const rows = bundle.events.map((event) => {
  const row = document.getElementById("events").insertRow();
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

const mark = (number, sound) => {
  rows[number].cells[0].textContent = sound ? "\u2713" : "\u2717";
  rows[number].cells[0].className = `mark ${sound ? "sound" : "broken"}`;
};

async function show() {
  say("Verifying \u2026", "");
  const { state, text } = await verdictOn(bundle, mark, document.getElementById("key").value.trim());
  say(text, state);
}

document.getElementById("key").addEventListener("change", show);
await show();
