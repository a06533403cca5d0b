// Announces messages that are newer than the page, and shows them when the user presses the button.
//
// The stream's events update the count on the button; the button fetches the messages as HTML.

const news = document.querySelector("[data-stream]");
const maxCount = 99;

const announced = new Set();
let position;
/** Aborted when the page does not need the stream. */
let leaving;
let channel;
let source;
/** The position that the stream has reached. */
let progress;
let timer;
/** True once the page has been quiet. */
let ready = false;
/** True if the stream skipped messages. */
let hasGap = false;

const listItems = root => [...root.querySelectorAll(".messages > li[id]")];

/** Whether a position is after another one. A position is a time and an id. */
function isAfter(one, other) {
  const [[time, id], [otherTime, otherId]] = [one, other].map(it => it.split("_").map(Number));
  return time > otherTime || (time === otherTime && id > otherId);
}

// A browser opens only six connections to a server over HTTP/1. So the pages of a session that show the same timeline
// elect one by a lock. It opens the stream, and sends the events to the others. Insecure origins have no locks; there
// only the page with the focus opens the stream.

function join() {
  if (leaving) return;
  leaving = new AbortController();
  const { signal } = leaving;
  const session = document.querySelector("meta[name=session-mark]")?.content;
  const name = ["stream", news.dataset.page, session].join(" ");
  channel = new BroadcastChannel(name);
  channel.addEventListener("message", ({ data }) => {
    if (data.type) receive(data);
    else if (data.isNew) greet();
    else if (source && isAfter(progress, data.after)) open(data.after);
  });
  greet();
  const lead = () => new Promise(resolve => {
    signal.addEventListener("abort", resolve);
    channel.postMessage({ isNew: true });
    open(position);
  });
  if (!navigator.locks) return lead();
  navigator.locks.request(name, { signal }, lead).catch(() => {});
}

/** Tells the page with the stream which messages this page has. */
const greet = () => channel.postMessage({ after: position });

function leave() {
  leaving?.abort();
  channel?.close();
  source?.close();
  leaving = channel = source = undefined;
}

function open(after) {
  source?.close();
  progress = after;
  const url = new URL(news.dataset.stream, location);
  url.searchParams.set("after", after);
  source = new EventSource(url);
  const own = source;
  const relay = ({ type, lastEventId, data }) => {
    const event = { type, position: lastEventId, id: type === "message" && JSON.parse(data).id };
    progress = lastEventId;
    channel.postMessage(event);
    receive(event);
  };
  own.addEventListener("message", relay);
  own.addEventListener("reset", relay);
  own.addEventListener("error", () => {
    // EventSource does not reconnect after an error response. A random delay spreads the reconnections of all clients.
    if (own.readyState !== EventSource.CLOSED) return;
    setTimeout(() => own === source && open(progress), 30_000 * (1 + Math.random()));
  });
}

/** Another page may need events that this one already has. */
function receive(event) {
  if (!isAfter(event.position, position)) return;
  position = event.position;
  const id = `message-${event.id}`;
  if (event.type === "reset") hasGap = true;
  else if (announced.size <= maxCount && !document.getElementById(id)) announced.add(id);
  // Update an existing announcement at most once per second.
  timer ??= setTimeout(announce, news.childElementCount ? 1_000 : 0);
}

function announce() {
  timer = undefined;
  const count = announced.size > maxCount ? `${maxCount}+` : announced.size;
  if (!hasGap && !count) return;
  const button = news.firstElementChild ?? document.createElement("button");
  button.textContent = hasGap ? "New messages" : `${count} new ${count === 1 ? "message" : "messages"}`;
  if (button.isConnected) return;
  button.type = "button";
  button.addEventListener("click", show);
  news.append(button);
}

async function show() {
  const button = news.firstElementChild;
  button.disabled = true;
  const requested = new Set(announced);
  const hadGap = hasGap;
  hasGap = false;
  try {
    const response = await fetch(news.dataset.page);
    // The viewer's session has ended.
    if (response.redirected || response.status === 401) return location.assign(news.dataset.page);
    if (!response.ok) throw new Error(response.status);
    insert(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    // The button stays, so that the user can try again.
    hasGap ||= hadGap;
    button.disabled = false;
    return;
  }
  // The stream may have announced more messages during the request.
  for (const id of announced) if (requested.has(id) || document.getElementById(id)) announced.delete(id);
  news.replaceChildren();
  announce();
  // The button had the focus; move it to the first new message.
  const first = document.querySelector(".messages > li");
  first.tabIndex = -1;
  first.focus();
}

function insert(page) {
  const items = listItems(page);
  const list = document.querySelector(".messages");
  if (!items.some(item => document.getElementById(item.id))) {
    // No overlap: there are more new messages than one page contains, or the list was empty.
    list.replaceWith(page.querySelector(".messages"));
    document.querySelector(".pagination")?.remove();
    const pages = page.querySelector(".pagination");
    if (pages) document.querySelector(".messages").after(pages);
    return;
  }
  // Insert each new item before its successor. Items after all known ones are older: skip them.
  let next;
  for (const item of items.toReversed()) {
    const known = document.getElementById(item.id);
    if (!known) next?.before(item);
    if (known || next) next = known ?? item;
  }
}

/** A hidden page needs no stream. */
function update() {
  if (ready && !document.hidden && (navigator.locks || document.hasFocus())) join();
  else leave();
}

/** Programs that control a browser wait until a page makes no requests, which a stream would prevent. */
function whenQuiet(start) {
  let quiet;
  const wait = () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      observer.disconnect();
      start();
    }, 1_500);
  };
  const observer = new PerformanceObserver(wait);
  observer.observe({ type: "resource" });
  addEventListener("load", wait);
}

if (news) {
  position = new URL(news.dataset.stream, location).searchParams.get("after");
  document.addEventListener("visibilitychange", update);
  for (const event of ["focus", "blur", "pageshow"]) addEventListener(event, update);
  // Browsers keep no page with an open connection in the back/forward cache.
  addEventListener("pagehide", leave);
  whenQuiet(() => {
    ready = true;
    update();
  });
}
