// Loaded first, before htmx: text that is still being composed (pinyin) must not search, submit
// or trigger a shortcut. Also marks that scripts run, before the first paint, so nothing jumps.
document.documentElement.classList.add('js');
addEventListener('input', e => { if (e.isComposing) e.stopImmediatePropagation(); }, true);
addEventListener('compositionend', e => {
  if (e.target instanceof Element) e.target.dispatchEvent(new Event('input', { bubbles: true }));
}, true);
// 229: Safari reports the Enter that commits a candidate after the composition has ended.
addEventListener('keydown', e => {
  if (e.isComposing || e.keyCode === 229) e.stopImmediatePropagation();
}, true);
