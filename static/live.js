// Announces messages that are newer than the page, and shows them when the user presses the button.
//
// The stream's events update the count on the button; the button fetches the messages as HTML.

const news = document.querySelector("[data-stream]");
const maxCount = 99;

const announced = new Set();
let source;
let lastEventId;
let timer;
/** True if the stream skipped messages. */
let hasGap = false;

const listItems = root => [...root.querySelectorAll(".messages > li[id]")];

function open() {
  if (source || document.hidden) return;
  const url = new URL(news.dataset.stream, location);
  if (lastEventId) url.searchParams.set("after", lastEventId);
  source = new EventSource(url);
  source.addEventListener("message", event => {
    const id = `message-${JSON.parse(event.data).id}`;
    if (announced.size <= maxCount && !document.getElementById(id)) announced.add(id);
    remember(event);
  });
  source.addEventListener("reset", event => {
    hasGap = true;
    remember(event);
  });
  source.addEventListener("error", () => {
    // EventSource does not reconnect after an error response. A random delay spreads the reconnections of all clients.
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    setTimeout(open, 30_000 * (1 + Math.random()));
  });
}

/** A hidden page needs no stream. */
function close() {
  source?.close();
  source = undefined;
}

function remember(event) {
  lastEventId = event.lastEventId;
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

if (news) {
  open();
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  // Browsers keep no page with an open connection in the back/forward cache.
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
}
