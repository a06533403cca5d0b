// Loads the next page of a list when its end comes into sight. The link to it stays what it is.

/** As far before the end, in the list's own order, as a page takes to come. */
const observer = new IntersectionObserver(seen, { rootMargin: "0px 0px 600px" });

function seen(entries) {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) {
      // Whether it works or not, this page is asked for once.
      observer.unobserve(target);
      // Without it there is still the link.
      load(target).catch(() => {});
    }
  }
}

async function load(link) {
  const nav = link.closest("nav");
  const list = nav.previousElementSibling;
  const asked = link.href;
  const response = await fetch(asked);
  if (!response.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  // The list may have been replaced meanwhile.
  if (!link.isConnected || link.href !== asked) return;
  const items = [...page.querySelectorAll(`main .${list.classList[0]} > li`)];
  // What only says that there is nothing is no item.
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
  // There may be another link, to the first page.
  (nav.childElementCount > 1 ? link : nav).remove();
}

function watch() {
  const link = document.querySelector("main a[rel=next]");
  if (link) observer.observe(link);
}

const main = document.querySelector("main");
watch();
// The list may be replaced as a whole, and its link with it.
new MutationObserver(watch).observe(main, { childList: true });
