// Light or dark: what the system says until somebody presses the button, which is remembered.
// A classic script in the head, so that the page is never painted in the wrong one first.
(() => {
  const KEY = "touchline.theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // Storage is switched off: the system decides.
    }
  };
  const chosen = () => {
    const theme = remembered();
    return theme === "light" || theme === "dark" ? theme : null;
  };
  const current = () => chosen() ?? (system.matches ? "dark" : "light");

  const show = () => {
    root.dataset.theme = current();
    const button = document.getElementById("theme");
    if (button) {
      const other = current() === "dark" ? "light" : "dark";
      button.setAttribute("aria-label", `Switch to the ${other} theme`);
      button.title = `Switch to the ${other} theme`;
    }
    root.dispatchEvent(new CustomEvent("themechange"));
  };

  const toggle = () => {
    try {
      localStorage.setItem(KEY, current() === "dark" ? "light" : "dark");
    } catch {
      return;
    }
    show();
  };

  show();
  system.addEventListener("change", show);
  addEventListener("storage", (event) => event.key === KEY && show());
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme")?.addEventListener("click", toggle);
    show();
  });
})();
