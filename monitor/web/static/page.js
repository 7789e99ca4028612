// What every view does with a script: the reader's own time, reports that an address names, explanations in place, news as it comes.
// Without it everything works, a page load at a time.

const moment = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const withYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** Put the times under `root` into the reader's own zone; the title keeps UTC. */
export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf()) || time.dataset.local) continue;
    time.dataset.local = "1";
    if (time.title) {
      time.title = withYear.format(at);
    } else {
      time.title = time.textContent;
      time.textContent = (at.getFullYear() === new Date().getFullYear() ? moment : withYear).format(at);
    }
  }
}

/** Open what the address names, with everything around it. */
export function reveal(target) {
  if (!target) return;
  for (let around = target; around; around = around.parentElement) if (around instanceof HTMLDetailsElement) around.open = true;
  if (target.classList.contains("development")) target.querySelector("details")?.setAttribute("open", "");
  target.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  target.focus({ preventScroll: true });
}

const named = () => (location.hash ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null);

/** Show an explanation below the report it belongs to; a second click puts it away. */
async function inline(link) {
  const report = link.closest(".report");
  const shown = report.querySelector(".why");
  if (shown) {
    shown.remove();
    link.setAttribute("aria-expanded", "false");
    return;
  }
  link.setAttribute("aria-busy", "true");
  try {
    const address = new URL(link.href);
    address.searchParams.set("part", "1");
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const part = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".why");
    localise(part);
    report.append(part);
    link.setAttribute("aria-expanded", "true");
  } catch {
    location.href = link.href;
  } finally {
    link.removeAttribute("aria-busy");
  }
}

/** Fetch this page again and take over what changed, keeping open what is open. */
async function refresh(main) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
  if (!fresh?.dataset.live) return;
  localise(fresh);
  const open = [...main.querySelectorAll("details[open]")].map((details) => details.closest("[id]")?.id);
  const kept = main.querySelector("#timeline");
  const focused = main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  main.replaceChildren(...fresh.childNodes);
  main.dataset.live = fresh.dataset.live;
  const place = main.querySelector("#timeline");
  if (kept && place) place.replaceWith(kept);
  for (const id of open) if (id && id !== "main") document.getElementById(id)?.querySelector("details")?.setAttribute("open", "");
  if (focused) main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  main.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
}

/** Hear of changes while the tab is seen; the stories take them over by themselves, a story that is being read asks first. */
function listen(main) {
  let source = null;
  let seen = main.dataset.live;
  const hear = ({ data }) => {
    if (data === seen) return;
    seen = data;
    if (main.querySelector(".cards")) refresh(main);
    else offer(main);
  };
  // a browser has six connections for a site, and hidden tabs would keep them all
  const attend = () => {
    source?.close();
    source = document.hidden ? null : new EventSource("/live");
    if (source) source.onmessage = hear;
  };
  document.addEventListener("visibilitychange", attend);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", ({ persisted }) => persisted && attend());
  attend();
}

function offer(main) {
  if (document.querySelector(".news")) return;
  const news = Object.assign(document.createElement("p"), { className: "news" });
  news.setAttribute("role", "status");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "There is something new: show it" });
  button.addEventListener("click", () => {
    news.remove();
    refresh(main);
  });
  news.append(button);
  (document.querySelector(".notice") ?? document.body).append(news);
}

/** A notice is read aloud only when it comes to a page that is there. */
function announce() {
  for (const said of document.querySelectorAll(".notice p")) {
    const text = said.textContent;
    said.textContent = "";
    setTimeout(() => (said.textContent = text), 150);
  }
}

localise(document);
announce();
addEventListener("hashchange", () => reveal(named()));
if (named()) reveal(named());
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-inline]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  inline(link);
});
document.addEventListener("keydown", ({ key, target }) => {
  if (key !== "Escape") return;
  const link = target.closest?.(".report")?.querySelector('a[data-inline][aria-expanded="true"]');
  if (link) {
    inline(link);
    link.focus();
  } else {
    document.querySelector(".news")?.remove();
  }
});
const main = document.getElementById("main");
if (main.dataset.live) listen(main);
