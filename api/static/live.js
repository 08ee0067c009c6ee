// Keeps the customer's page current: asks for what has changed, and stops when nothing will change any more.

const live = document.querySelector("#live");
const said = document.querySelector("#said");
const opened = new Map(); // the parts of the contents that the reader opened or closed
let etag = live.dataset.etag;
let failures = 0;
let timer;

function later(seconds) {
  const patience = document.hidden ? Math.max(15, seconds * 4) : seconds;
  clearTimeout(timer);
  timer = setTimeout(look, patience * 1000);
}

async function look() {
  let answer;
  try {
    answer = await fetch(live.dataset.from, { headers: { "If-None-Match": etag }, cache: "no-store" });
    if (answer.status === 200) {
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      etag = answer.headers.get("ETag");
    }
  } catch {
    answer = null; // the network is away
  }
  if (!answer || answer.status >= 500) {
    failures += 1;
    later(Math.min(60, 2 ** failures));
    return;
  }
  failures = 0;
  const wait = answer.headers.get("Retry-After");
  timer = undefined;
  if (wait) later(Number(wait));
}

function show(page) {
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
  live.getBoundingClientRect(); // the bars are drawn as they were, so that they can be seen to move
  for (const move of bars) move();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  document.title = fresh.dataset.title;
  const news = fresh.querySelector("#headline").textContent;
  if (news !== headline) said.textContent = news;
}

live.addEventListener("click", (event) => {
  const part = event.target.closest("summary")?.parentElement;
  if (part) opened.set(part.id, !part.open);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && timer) later(0);
});
later(Number(live.dataset.wait));
