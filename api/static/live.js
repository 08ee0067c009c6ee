// Keeps the customer's page current: a stream while somebody looks, a question now and then while nobody does.

const live = document.querySelector("#live");
const said = document.querySelector("#said");
const opened = new Map(); // the parts of the contents that the reader opened or closed
let etag = live.dataset.etag;
let failures = 0;
let over = false;
let stream;
let timer;

function follow() {
  stream = new EventSource(`${live.dataset.from}/stream?after=${encodeURIComponent(etag)}`);
  stream.addEventListener("message", (event) => {
    failures = 0;
    etag = event.lastEventId;
    show(event.data);
  });
  stream.addEventListener("end", stop);
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) again(); // refused: a question tells why
  });
}

async function look() {
  let answer;
  try {
    const known = { "If-None-Match": etag };
    answer = await fetch(`${live.dataset.from}/progress`, { headers: known, cache: "no-store" });
    if (answer.status === 200) {
      show(await answer.text());
      etag = answer.headers.get("ETag");
    }
  } catch {
    answer = null; // the network is away
  }
  if (!answer || answer.status >= 500) return again();
  if (answer.status >= 400) return location.reload(); // the link has to be opened once more: the page says so
  failures = 0;
  const wait = answer.headers.get("Retry-After");
  if (!wait) return stop();
  later(Math.max(15, 4 * Number(wait)));
}

function again() {
  failures += 1;
  later(Math.min(60, 2 ** failures));
}

function later(seconds) {
  clearTimeout(timer);
  timer = setTimeout(document.hidden || failures ? look : turn, seconds * 1000);
}

// Streams only while the page is seen: a browser has six connections for all its tabs.
function turn() {
  clearTimeout(timer);
  stream?.close();
  if (over) return;
  if (document.hidden) later(15);
  else follow();
}

function stop() {
  over = true;
  turn();
}

function show(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const fresh = page.querySelector("#order");
  const focused = document.activeElement?.id;
  const headline = document.querySelector("#headline").textContent;
  for (const [id, open] of opened) {
    const part = fresh.querySelector(`#${id}`);
    if (part) part.open = open;
  }
  const bars = [...fresh.querySelectorAll(".bar")].map((bar) => {
    const fill = bar.querySelector(".fill");
    const width = fill.getAttribute("width");
    const before = document.getElementById(bar.id)?.querySelector(".fill");
    if (before) fill.setAttribute("width", before.getAttribute("width"));
    return () => fill.setAttribute("width", width);
  });
  live.replaceChildren(document.adoptNode(fresh));
  tellTime();
  live.getBoundingClientRect(); // the bars are drawn as they were, so that they can be seen to move
  for (const move of bars) move();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  document.title = fresh.dataset.title;
  const news = fresh.querySelector("#headline").textContent;
  if (news !== headline) said.textContent = news;
}

// Times of day as the reader's own clock shows them.
function tellTime() {
  for (const each of live.querySelectorAll("time.clock")) {
    const moment = new Date(each.dateTime);
    each.textContent = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  }
}

live.addEventListener("click", (event) => {
  const part = event.target.closest("summary")?.parentElement;
  if (part?.id) opened.set(part.id, !part.open);
});
document.addEventListener("visibilitychange", turn);
tellTime();
turn();
