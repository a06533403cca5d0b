// Announces the messages that have come since the page was made, and shows them when asked to.
//
// The page names the stream, which goes on after the newest message that the page shows. What is
// shown comes as HTML from the server, as the page itself did.

const news = document.querySelector("[data-stream]");
const most = 99;

/** The messages that are announced. */
const waiting = new Set();
let source;
let place;
let announcing;
let missed = false;

const listed = root => [...root.querySelectorAll(".messages > li[id]")];

function open() {
  if (source || document.hidden) return;
  const url = new URL(news.dataset.stream, location);
  if (place) url.searchParams.set("last_event_id", place);
  source = new EventSource(url);
  source.addEventListener("message", event => {
    const id = `message-${JSON.parse(event.data).id}`;
    if (waiting.size <= most && !document.getElementById(id)) waiting.add(id);
    note(event);
  });
  source.addEventListener("reset", event => {
    missed = true;
    note(event);
  });
  source.addEventListener("error", () => {
    // It comes back by itself from all but a refusal. After that, all come back, but not at once.
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    setTimeout(open, 30_000 * (1 + Math.random()));
  });
}

/** Nobody looks at a hidden page: the server need not send to it. */
function close() {
  source?.close();
  source = undefined;
}

function note(event) {
  place = event.lastEventId;
  // Once a second is as often as anybody wants to be told.
  announcing ??= setTimeout(announce, news.childElementCount ? 1_000 : 0);
}

function announce() {
  announcing = undefined;
  const count = waiting.size > most ? `${most}+` : waiting.size;
  if (!missed && !count) return;
  const button = news.firstElementChild ?? document.createElement("button");
  button.textContent = missed ? "New messages" : `${count} new ${count === 1 ? "message" : "messages"}`;
  if (button.isConnected) return;
  button.type = "button";
  button.addEventListener("click", show);
  news.append(button);
}

async function show() {
  const button = news.firstElementChild;
  button.disabled = true;
  const announced = new Set(waiting);
  const all = missed;
  missed = false;
  try {
    const response = await fetch(news.dataset.page);
    // Whoever is signed out by now is sent elsewhere.
    if (response.redirected || response.status === 401) return location.assign(news.dataset.page);
    if (!response.ok) throw new Error(response.status);
    insert(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    // What is on the page stays, and can be asked for again.
    missed ||= all;
    button.disabled = false;
    return;
  }
  // Others may have come meanwhile.
  for (const id of waiting) if (announced.has(id) || document.getElementById(id)) waiting.delete(id);
  news.replaceChildren();
  announce();
  // The button that had the focus is gone. What was asked for has it now.
  const first = document.querySelector(".messages > li");
  first.tabIndex = -1;
  first.focus();
}

function insert(page) {
  const items = listed(page);
  const list = document.querySelector(".messages");
  if (!items.some(item => document.getElementById(item.id))) {
    // More have come than a page holds, or there was none before.
    list.replaceWith(page.querySelector(".messages"));
    document.querySelector(".pagination")?.remove();
    const pages = page.querySelector(".pagination");
    if (pages) document.querySelector(".messages").after(pages);
    return;
  }
  // Each goes before the one that it stands before on the page; what stands after all is older.
  let next;
  for (const item of items.toReversed()) {
    const known = document.getElementById(item.id);
    if (!known) next?.before(item);
    if (known || next) next = known ?? item;
  }
}

if (news) {
  open();
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
}
