// Keeps an operator's page current, and lets its rows be walked through by keys. Everything works without it.

const live = document.querySelector("#live");
let etag;
let failures = 0;
let timer;

function later(seconds) {
  clearTimeout(timer);
  if (seconds) timer = setTimeout(look, (document.hidden ? Math.max(30, seconds) : seconds) * 1000);
}

async function look() {
  let answer;
  try {
    const headers = etag ? { "If-None-Match": etag } : {};
    answer = await fetch(location.href, { headers, cache: "no-store" });
    if (answer.redirected) return location.reload(); // the session is over
    if (answer.status === 200) {
      show(new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#live"));
      etag = answer.headers.get("ETag");
    }
  } catch {
    answer = null; // the network is away
  }
  failures = answer && answer.status < 400 ? 0 : failures + 1;
  document.body.classList.toggle("stale", failures > 1);
  later(failures ? Math.min(60, 2 ** failures) : Number(live.dataset.wait));
}

function show(fresh) {
  if (!fresh) return;
  for (const part of live.querySelectorAll("details[open]")) {
    const same = fresh.querySelector(`#${CSS.escape(part.id)}`);
    if (same) same.open = true;
  }
  const rows = [...live.querySelectorAll("[data-row]")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const id = document.activeElement?.id;
  live.dataset.wait = fresh.dataset.wait;
  live.replaceChildren(...document.adoptNode(fresh).childNodes);
  document.title = fresh.dataset.title;
  if (fresh.dataset.heading) document.querySelector("h1").textContent = fresh.dataset.heading;
  if (id && document.getElementById(id)) document.getElementById(id).focus({ preventScroll: true });
  else if (at >= 0) focusRow(at);
}

function focusRow(at) {
  const rows = [...live.querySelectorAll("[data-row]")];
  const row = rows[Math.max(0, Math.min(rows.length - 1, at))];
  const target = row?.matches("summary") ? row : row?.querySelector("a, button");
  (target ?? row)?.focus();
  row?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const rows = live ? [...live.querySelectorAll("[data-row]")].filter((row) => row.querySelector("a, button") || row.matches("summary")) : [];
  const all = live ? [...live.querySelectorAll("[data-row]")] : [];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const keys = {
    j: () => rows.length && focusRow(all.indexOf(rows[Math.min(at + 1, rows.length - 1)])),
    k: () => rows.length && focusRow(all.indexOf(rows[Math.max(at - 1, 0)])),
    "/": () => document.querySelector("#find")?.focus(),
    e: () => {
      const parts = [...document.querySelectorAll("#live details")];
      const open = parts.some((part) => !part.open);
      for (const part of parts) part.open = open;
    },
    o: () => location.assign("/ops"),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

if (live) {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer) later(0.1);
  });
  later(Number(live.dataset.wait));
}
