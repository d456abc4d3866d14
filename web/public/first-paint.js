// Puts the look this browser keeps on the page before anything is painted; the app takes over from here.
(function () {
  var root = document.documentElement;
  var look = {};
  try {
    look = JSON.parse(localStorage.getItem('hearth.look') || '{}');
  } catch {
    // storage is closed to us: the system's look it is
  }
  var has = function (query) {
    return matchMedia(query).matches;
  };
  var theme = look.theme;
  if (!theme || theme === 'system')
    theme = has('(prefers-contrast: more)')
      ? 'contrast'
      : has('(prefers-color-scheme: light)')
        ? 'light'
        : 'dark';
  root.dataset.theme = theme;
  if (look.density) root.dataset.density = look.density;
  if (look.textScale) root.style.fontSize = look.textScale + '%';
})();
