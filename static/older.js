// Loads the next page of a list when its link is nearly visible. The link itself still works.

/** Loads when the link is 600 px below the visible part, to hide the delay. */
const observer = new IntersectionObserver(onIntersection, { rootMargin: "0px 0px 600px" });

function onIntersection(entries) {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) {
      // Try each page only once.
      observer.unobserve(target);
      // After an error the link still works.
      load(target).catch(() => {});
    }
  }
}

async function load(link) {
  const nav = link.closest("nav");
  const list = nav.previousElementSibling;
  const url = link.href;
  const response = await fetch(url);
  if (!response.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  // live.js may have replaced the list during the request.
  if (!link.isConnected || link.href !== url) return;
  const items = [...page.querySelectorAll(`main .${list.classList[0]} > li`)];
  // Skip the item with the text of an empty list.
  const fresh = items.filter(item => !item.matches(":has(> em)") && !document.getElementById(item.id));
  list.append(...fresh);
  const next = page.querySelector("main a[rel=next]");
  if (next) {
    link.href = next.href;
    observer.observe(link);
    return;
  }
  if (nav.contains(document.activeElement) && fresh.length > 0) {
    fresh[0].tabIndex = -1;
    fresh[0].focus();
  }
  // The navigation may also contain a link to the first page.
  (nav.childElementCount > 1 ? link : nav).remove();
}

function watch() {
  const link = document.querySelector("main a[rel=next]");
  if (link) observer.observe(link);
}

watch();
// live.js may replace the list and its link.
new MutationObserver(watch).observe(document.querySelector(".body"), { childList: true });
