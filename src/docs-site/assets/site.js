// What a page can do beyond being read: search while typing, copy code, and change the theme. All of it works without.

/**
 * An element of our own.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Says something to those who can't see that it happened. */
const status = element("p", { role: "status", class: "status" });
document.body.append(status);

/** What buttons say while they say nothing of a copy. */
const labels = new Map();

/**
 * Copies a text, and says so on the button for a moment.
 *
 * @param {string} text
 * @param {HTMLElement} button
 */
async function copy(text, button) {
  const label = labels.get(button) ?? [...button.childNodes];
  labels.set(button, label);
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Can’t copy";
  }
  status.textContent = button.textContent;
  setTimeout(() => {
    button.replaceChildren(...label);
    status.textContent = "";
  }, 1_500);
}

/**
 * What is to be typed, of code that may show a terminal: the commands, where prompts tell them from what they print.
 *
 * @param {string} code
 * @param {string | undefined} language
 */
function typedOf(code, language) {
  const lines = code.split("\n");
  if (language !== "console" && language !== "bash") return code;
  if (!lines.some((line) => line.startsWith("$ "))) return code;
  let goesOn = false;
  const typed = lines.filter((line) => {
    const isTyped = goesOn || line.startsWith("$ ");
    goesOn = isTyped && line.endsWith("\\");
    return isTyped;
  });
  return typed.map((line) => line.replace(/^[$>] /, "")).join("\n");
}

for (const block of document.querySelectorAll(".code")) {
  if (!(block instanceof HTMLElement)) continue;
  const { name = "code", language } = block.dataset;
  const button = element("button", { type: "button", class: "copy" }, "Copy");
  button.append(element("span", { class: "unseen" }, ` ${name}`));
  const code = block.querySelector("code")?.textContent ?? "";
  button.addEventListener("click", () => void copy(typedOf(code, language), button));
  block.append(button);
}

/** Takes out of the way of the Tab key what does not scroll, and names what does. */
function stopWhereItScrolls() {
  const boxes = ".code pre, .table";
  const observer = new ResizeObserver((entries) => {
    for (const box of new Set(entries.map(({ target }) => target.closest(boxes)))) {
      if (!(box instanceof HTMLElement) || box === document.activeElement) continue;
      const isTable = box.matches(".table");
      const scrolls = box.scrollWidth > box.clientWidth;
      const attributes = {
        tabindex: "0",
        ...(isTable && { role: "region", "aria-label": box.dataset.name ?? "table" }),
      };
      for (const [name, value] of Object.entries(attributes)) {
        if (scrolls) box.setAttribute(name, value);
        else box.removeAttribute(name);
      }
    }
  });
  for (const box of document.querySelectorAll(boxes)) {
    observer.observe(box);
    // What is in it may grow where it does not, as with another font.
    if (box.firstElementChild) observer.observe(box.firstElementChild);
  }
}

for (const anchor of document.querySelectorAll("a.anchor")) {
  // The address changes as well, as with any link.
  if (anchor instanceof HTMLAnchorElement) anchor.addEventListener("click", () => void copy(anchor.href, anchor));
}

const THEMES = ["system", "light", "dark"];

const themeButton = document.querySelector(".theme");
if (themeButton instanceof HTMLButtonElement) {
  let theme = document.documentElement.dataset.theme ?? "system";
  const show = () => {
    const text = { system: "Auto", light: "Light", dark: "Dark" }[theme] ?? "Auto";
    themeButton.textContent = text;
    themeButton.setAttribute("aria-label", `Theme: ${text}`);
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  themeButton.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
    show();
    try {
      localStorage.setItem("sojourn-theme", theme);
    } catch {
      // It holds for this page, then.
    }
  });
  show();
  themeButton.hidden = false;
}

/** A combobox: the results are options of a list that the arrow keys go through. */
function searchWhileTyping() {
  const form = document.querySelector("form.search");
  const input = form?.querySelector("input");
  if (!(form instanceof HTMLFormElement) || !input) return;
  const list = element("ul", { id: "site:suggestions", class: "suggestions", role: "listbox", "aria-label": "Found" });
  list.hidden = true;
  form.append(list);
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-controls": list.id,
    "aria-expanded": "false",
  })) {
    input.setAttribute(name, value);
  }
  let selected = -1;
  let asked = new AbortController();

  /** @param {boolean} isOpen */
  const open = (isOpen) => {
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) select(-1);
  };

  /** @param {number} index */
  const select = (index) => {
    const options = [...list.querySelectorAll("[role=option]")];
    selected = options.length === 0 ? -1 : Math.min(index, options.length - 1);
    for (const [i, option] of options.entries()) {
      option.setAttribute("aria-selected", String(i === selected));
      if (i === selected) option.scrollIntoView({ block: "nearest" });
    }
    const id = options[selected]?.id;
    if (id === undefined) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", id);
  };

  const find = async () => {
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    const query = input.value.trim();
    if (query === "") return open(false);
    try {
      const address = `${form.action}?${new URLSearchParams({ q: query })}`;
      const answer = await fetch(address, { signal, headers: { accept: "application/json" } });
      if (!answer.ok) return open(false);
      const { results } = await answer.json();
      show(query, results);
    } catch {
      // The next letter was typed, or the server is not there; pressing Enter says so.
      if (!signal.aborted) open(false);
    }
  };

  /**
   * @param {string} query
   * @param {{ title: string, url: string, excerpt: { text: string, match: boolean }[] }[]} results
   */
  const show = (query, results) => {
    const options = results.map(({ title, url, excerpt }, i) => {
      const text = excerpt.map(({ text, match }) => (match ? element("mark", {}, text) : text));
      const link = element("a", { href: url, tabindex: "-1" }, element("strong", {}, title), ...text);
      return element("li", { role: "option", id: `site:suggestion-${i}`, "aria-selected": "false" }, link);
    });
    const none = element("li", { role: "presentation" }, element("p", {}, `Nothing has “${query}”`));
    list.replaceChildren(...(options.length === 0 ? [none] : options));
    status.textContent = results.length === 1 ? "1 section found" : `${results.length} sections found`;
    open(true);
    select(-1);
  };

  let pause = 0;
  input.addEventListener("input", () => {
    clearTimeout(pause);
    pause = window.setTimeout(() => void find(), 80);
  });
  input.addEventListener("keydown", (event) => {
    const count = list.querySelectorAll("[role=option]").length;
    if (event.key === "ArrowDown" && list.hidden) void find();
    else if (event.key === "ArrowDown" && count > 0) select((selected + 1) % count);
    else if (event.key === "ArrowUp" && count > 0) select(selected <= 0 ? count - 1 : selected - 1);
    else if (event.key === "Escape" && !list.hidden) open(false);
    else if (event.key === "Enter" && selected >= 0) list.querySelectorAll("a")[selected]?.click();
    else return;
    event.preventDefault();
  });
  form.addEventListener("focusout", ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node && form.contains(relatedTarget))) open(false);
  });
  // A click would take the focus from the box, and close the list before it arrives.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", () => open(false));
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea, select");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
}

/** Marks in the table of contents what is being read. */
function followReading() {
  const links = new Map();
  for (const link of document.querySelectorAll(".contents a")) {
    links.set(decodeURIComponent(link.getAttribute("href")?.slice(1) ?? ""), link);
  }
  const headings = [...document.querySelectorAll("h2[id], h3[id]")];
  if (links.size === 0) return;
  const mark = () => {
    const read = headings.filter((heading) => heading.getBoundingClientRect().top < window.innerHeight / 3).at(-1);
    for (const [id, link] of links) {
      if (id === read?.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  let waits = false;
  addEventListener(
    "scroll",
    () => {
      if (waits) return;
      waits = true;
      requestAnimationFrame(() => {
        waits = false;
        mark();
      });
    },
    { passive: true },
  );
  mark();
}

/** The menu of a narrow window is a part of the page that a link leads to; Escape leads back. */
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && location.hash === "#site:navigation") location.hash = "#site:content";
});

/** Shows in a long list of pages the one that is read. What scrolls by itself would begin the way of the Tab key there. */
function showCurrentPage() {
  const pages = document.querySelector(".pages");
  const current = pages?.querySelector("[aria-current]");
  if (!pages || !(current instanceof HTMLElement)) return;
  const below = current.getBoundingClientRect().bottom - pages.getBoundingClientRect().bottom;
  if (below > 0) pages.scrollTop += below + pages.clientHeight / 3;
}

showCurrentPage();
stopWhereItScrolls();

searchWhileTyping();
followReading();
