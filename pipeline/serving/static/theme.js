/** Before anything is drawn: the theme that was chosen last. */
try {
  const theme = localStorage.getItem("spam-pipe-theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch { /* the system's wish holds */ }
