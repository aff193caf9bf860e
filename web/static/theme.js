// Before the first paint: the remembered choice of light or dark, if there is one. The system's preference rules otherwise.
try {
  const chosen = localStorage.getItem("martin-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; then the system's preference rules.
}
