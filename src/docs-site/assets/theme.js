// What was chosen on an earlier page holds before this one is shown.
(() => {
  try {
    const theme = localStorage.getItem("sojourn-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // A browser that keeps nothing has the system's theme.
  }
})();
