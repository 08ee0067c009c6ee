// The auditor's page of an order: the slider moves by itself, and the browser verifies what it is shown.
// Without this, every link and form of the page does the same by loading it anew.

const slide = document.querySelector("#slide");
const at = document.querySelector("#at");
const moment = document.querySelector("#moment");
const chain = document.querySelector("#chain");
const verdict = document.querySelector("#verdict");
const key = document.querySelector("#key");
const entries = new Map([...document.querySelectorAll(".timeline [data-version]")].map((each) => [Number(each.dataset.version), each]));
const last = Number(at.max);
let view = moment.firstElementChild.dataset.view;
let version = Number(at.value);
let asked; // the request whose answer is awaited
let playing;

const query = (to) => `?at=${to}&view=${view}`;

// Shows where the slider stands, at once; what is there follows when the hand rests.
function point(to) {
  version = Math.min(last, Math.max(1, to));
  at.value = version;
  at.setAttribute("aria-valuetext", `Version ${version}: ${entries.get(version).querySelector(".what").textContent}`);
  for (const [name, step] of [["back", version - 1], ["forth", version + 1]]) {
    const link = document.getElementById(name);
    const there = step >= 1 && step <= last;
    if (there) link.href = query(step); else link.removeAttribute("href");
    link.toggleAttribute("aria-disabled", !there);
  }
  for (const [number, entry] of entries) {
    const here = number === version;
    if (here !== entry.hasAttribute("aria-current")) {
      entry.toggleAttribute("aria-current", here);
      if (here) keepInSight(entry);
    }
    entry.href = query(number);
  }
}

function keepInSight(entry) {
  const list = entry.closest("ol");
  const above = entry.offsetTop - list.offsetTop;
  if (above < list.scrollTop || above + entry.offsetHeight > list.scrollTop + list.clientHeight) {
    list.scrollTop = above - list.clientHeight / 2;
  }
}

let resting;
function go(to, { wait = 0, more = "", keep = "push" } = {}) {
  point(to);
  clearTimeout(resting);
  resting = setTimeout(() => load(more, keep), wait);
}

async function load(more, keep) {
  asked?.abort();
  asked = new AbortController();
  moment.setAttribute("aria-busy", "true");
  const address = `${query(version)}${more}`;
  try {
    const answer = await fetch(`${location.pathname}/moment${address}`, { signal: asked.signal });
    if (answer.redirected || !answer.ok) return location.assign(address); // logged out, or something to be told
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("article");
    const focused = document.activeElement?.closest("#moment") ? document.activeElement.dataset.view : undefined;
    moment.replaceChildren(document.adoptNode(fresh));
    document.title = fresh.dataset.title;
    if (keep) history[keep === "push" ? "pushState" : "replaceState"](null, "", address);
    if (focused) moment.querySelector(`[data-view="${focused}"]`)?.focus({ preventScroll: true });
    moment.removeAttribute("aria-busy");
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
  }
}

at.addEventListener("input", () => { stop(); go(Number(at.value), { wait: 150, keep: "replace" }); });
slide.addEventListener("submit", (event) => { event.preventDefault(); go(Number(at.value)); });
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const to = link.id === "back" ? version - 1 : link.id === "forth" ? version + 1 : Number(link.dataset.version);
  if (to) {
    event.preventDefault();
    stop();
    go(to);
  } else if (link.dataset.view) {
    event.preventDefault();
    view = link.dataset.view;
    for (const field of document.querySelectorAll('form > [name="view"]')) field.value = view;
    const against = new URL(link.href).searchParams.get("against");
    go(version, { more: against ? `&against=${against}` : "" });
  }
});
addEventListener("popstate", () => location.reload());

// The slider moves by itself.
const play = document.createElement("button");
play.type = "button";
play.className = "link";
play.textContent = "Play";
slide.querySelector("button").replaceWith(play);

function stop() {
  clearInterval(playing);
  playing = undefined;
  play.textContent = "Play";
}

play.addEventListener("click", () => {
  if (playing) return stop();
  play.textContent = "Stop";
  if (version === last) go(1, { keep: "replace" });
  playing = setInterval(() => {
    if (version === last) return stop();
    if (!moment.hasAttribute("aria-busy")) go(version + 1, { keep: "replace" });
  }, 700);
});

// Is this what was recorded?
const say = (text, state = "") => {
  chain.className = `chain ${state}`;
  verdict.textContent = text;
};
let bundle;

function mark(number, sound) {
  const event = bundle.events[number];
  const entry = event.stream === chain.dataset.stream ? entries.get(event.version) : undefined;
  const place = entry?.querySelector(".verified");
  if (!place) return;
  place.textContent = sound ? "\u2713" : "\u2717";
  place.classList.toggle("broken", !sound);
}

async function verify() {
  say("Your browser is verifying \u2026");
  try {
    const proof = await import(chain.dataset.proof);
    const answer = bundle ? undefined : await fetch(chain.dataset.evidence);
    if (answer?.redirected) return say("You have been logged out: load the page again.");
    if (answer?.status === 404) return say("No checkpoint has been signed over this order yet. The keeper signs one a minute: load the page again then.");
    if (answer && !answer.ok) return say("The proof could not be fetched. Load the page again in a moment.");
    bundle ??= await answer.json();
    document.querySelector(".key").hidden = false;
    const { state, text } = await proof.verdictOn(bundle, mark, key.value.trim());
    say(text, state);
  } catch {
    say("The proof could not be fetched. Load the page again in a moment.");
  }
}

key.addEventListener("change", verify);
point(version);
keepInSight(entries.get(version));
await verify();
