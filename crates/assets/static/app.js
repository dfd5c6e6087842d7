// Comfort on top of pages that work without it: focus and announcements after a swap, one submission
// at a time, the network message bar, keyboard keys, trees, copying. Reads data-* attributes only;
// no inline handlers, no eval (CSP script-src 'self'). Texts are Chinese because users read them.
(() => {
  const $ = (q, from = document) => from.querySelector(q);
  const all = (q, from = document) => [...from.querySelectorAll(q)];
  const visible = el => el && el.getClientRects().length > 0;

  // ---- announcements: one page-level live region ------------------------------------------
  const say = text => {
    const live = $('#live');
    if (!live) return;
    live.textContent = '';
    setTimeout(() => { live.textContent = text; }, 50);
  };

  // ---- one submission at a time ------------------------------------------------------------
  const busy = (form, button) => {
    form.dataset.busy = '1';
    if (form.method !== 'post' || !button || button.dataset.noBusy !== undefined) return;
    button.dataset.was = button.innerHTML;
    button.setAttribute('aria-disabled', 'true'); // not `disabled`: that would drop the focus and the value
    button.textContent = '提交中…';
  };
  const calm = form => {
    delete form.dataset.busy;
    for (const button of all('[data-was]').filter(b => b.form === form || form.contains(b))) {
      button.innerHTML = button.dataset.was;
      button.removeAttribute('aria-disabled');
      delete button.dataset.was;
    }
  };
  addEventListener('submit', event => {
    const form = event.target;
    if (form.method === 'dialog') return;
    if (form.dataset.busy && form.method === 'post') {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    const button = event.submitter || $('button:not([type=button]),input[type=submit]', form);
    // after the event: the browser has collected the fields by then; a stopped event stays calm
    setTimeout(() => {
      const swapped = form.matches('[hx-post],[hx-get],[hx-put],[hx-delete],[hx-boost=true],[hx-boost=true] form');
      if (event.defaultPrevented && !swapped) return;
      busy(form, button);
      // a download answers without leaving the page, and a stuck network must not lock the form
      if (!swapped) setTimeout(calm, 15000, form);
    });
  }, true);
  addEventListener('pageshow', () => all('form[data-busy]').forEach(calm));
  for (const name of ['htmx:afterRequest', 'htmx:validation:halted']) document.addEventListener(name, event => {
    const form = event.detail.elt.closest('form') || event.detail.elt.form;
    if (form) calm(form);
  });

  // ---- answers: 422/409 swap, 401 goes to sign-in, trouble keeps the page and says so ---------
  let retry = null;
  const trouble = (text, request) => {
    let bar = $('#trouble');
    if (!bar) {
      bar = document.createElement('div');
      bar.id = 'trouble';
      bar.className = 'bar err';
      bar.setAttribute('role', 'alert');
      ($('header.top') || document.body.firstElementChild).after(bar);
    }
    retry = request;
    bar.innerHTML = '<button type="button" class="linklike" data-retry></button> <button type="button" class="btn" data-dismiss>关闭</button>';
    bar.firstChild.textContent = text;
  };
  // requestConfig.elt is what the user used; detail.elt may be the region that was to be swapped.
  // The form is sent again as it was, by the same button: its _idem makes both one submission.
  const asked = event => ({
    elt: event.detail.requestConfig?.elt || event.detail.elt,
    button: event.detail.requestConfig?.triggeringEvent?.submitter,
  });
  const lost = event => trouble('网络断了，内容还在，点这里再试', asked(event));
  for (const name of ['htmx:sendError', 'htmx:timeout']) document.addEventListener(name, lost);
  // what a page of ours says; our fault is never told as the network's
  const said = (xhr, otherwise, what = '[data-reason]') => {
    const page = new DOMParser().parseFromString(xhr.responseText, 'text/html');
    const why = $(what, page);
    return (why?.dataset.reason || why?.textContent || $('h1', page)?.textContent || otherwise).trim();
  };
  const sendPlainly = (form, button) => {
    if (button?.name) {
      const field = document.createElement('input');
      Object.assign(field, { type: 'hidden', name: button.name, value: button.value });
      form.append(field);
    }
    HTMLFormElement.prototype.submit.call(form);
  };
  document.addEventListener('htmx:beforeSwap', event => {
    const { xhr, requestConfig } = event.detail;
    const kind = xhr.getResponseHeader('Content-Type') || '';
    if (xhr.status === 401) {
      event.detail.shouldSwap = false;
      const form = requestConfig.verb === 'post' && requestConfig.elt.closest('form');
      // sent once more without htmx: the sign-in page that answers keeps what was typed
      if (form) sendPlainly(form, requestConfig.triggeringEvent?.submitter);
      else location.assign('/login?next=' + encodeURIComponent(location.pathname + location.search));
    } else if (xhr.status >= 500) {
      event.detail.shouldSwap = false;
      trouble(`${said(xhr, '系统出错了', 'h1')}，内容还在，点这里再试`, asked(event));
    } else if (xhr.status >= 400 && xhr.status !== 409 && xhr.status !== 422) {
      // a refused reading shows the page that explains it; a refused writing keeps what was typed
      event.detail.shouldSwap = requestConfig.verb === 'get';
      if (!event.detail.shouldSwap) {
        trouble(`${said(xhr, '没有办成')}（内容还在，点这里再试）`, asked(event));
      }
    } else if (requestConfig.verb === 'get' && kind && !kind.startsWith('text/html')) {
      event.detail.shouldSwap = false; // a download behind a boosted link
      location.assign(xhr.responseURL);
    }
    if (event.detail.shouldSwap) $('#trouble')?.remove();
  });

  // ---- after a swap: never leave the focus on <body> ------------------------------------------
  let nextCell = false;
  const land = el => {
    if (!el) return;
    if (!el.matches('a[href],button,input,select,textarea,[tabindex]')) el.tabIndex = -1;
    el.focus();
  };
  document.addEventListener('htmx:afterSettle', event => {
    const region = event.detail.target;
    const typing = document.activeElement;
    if (nextCell) {
      nextCell = false;
      const bad = all('[data-cell][aria-invalid=true]').filter(visible);
      const here = event.detail.elt.isConnected ? event.detail.elt : region;
      const next = bad.find(c => here.contains(c)) ||
        bad.find(c => here.compareDocumentPosition(c) & Node.DOCUMENT_POSITION_FOLLOWING) || bad[0];
      if (next) { land(next); next.select?.(); say(`还有 ${bad.length} 处要改`); }
      else { land($('[data-review-done]') || $('main h1')); say('都改好了'); }
    } else if (region.id === 'main' || !typing || typing === document.body || !typing.isConnected) {
      // a search box that is still being typed in keeps the focus
      if (region.id !== 'main' && typing?.matches?.('input,select,textarea')) return;
      const root = region.isConnected ? region : document.getElementById(region.id) || $('main');
      land($('.summary', root) || $('[data-focus]', root) || $('h1,h2,h3', root) || root);
    }
    ready(document);
    goOn();
    const count = $('[data-announce]', region.isConnected ? region : document);
    if (count) say(count.textContent.trim());
  });
  document.addEventListener('htmx:beforeRequest', event => event.detail.target?.setAttribute('aria-busy', 'true'));
  document.addEventListener('htmx:afterRequest', event => event.detail.target?.removeAttribute('aria-busy'));

  // ---- clicks ------------------------------------------------------------------------------------
  const copied = async (button, text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // plain http in an office network has no clipboard interface
      const box = document.createElement('textarea');
      box.value = text;
      box.className = 'sr';
      document.body.append(box);
      box.select();
      document.execCommand('copy');
      box.remove();
      button.focus();
    }
    const was = button.textContent;
    button.textContent = '已复制';
    say('已复制');
    setTimeout(() => { button.textContent = was; }, 2000);
  };
  addEventListener('click', event => {
    const at = q => event.target.closest?.(q);
    let el;
    if (at('[aria-disabled=true]')) { event.preventDefault(); event.stopPropagation(); return; }
    if ((el = at('[data-copy]'))) copied(el, el.dataset.copy || $(el.dataset.copyFrom)?.textContent.trim() || '');
    else if ((el = at('[data-reveal]'))) {
      const box = document.getElementById(el.dataset.reveal);
      const show = box.type === 'password';
      box.type = show ? 'text' : 'password';
      el.textContent = show ? '隐藏' : '显示';
    } else if ((el = at('[data-opens]'))) {
      const dialog = document.getElementById(el.dataset.opens);
      if (dialog?.showModal) { event.preventDefault(); dialog.showModal(); }
    } else if ((el = at('dialog [data-close]'))) { event.preventDefault(); el.closest('dialog').close(); }
    else if (at('[data-print]')) print();
    else if (at('[data-dismiss]')) $('#trouble')?.remove();
    else if (at('[data-retry]')) {
      $('#trouble')?.remove();
      const { elt, button } = retry || {};
      const form = elt?.requestSubmit ? elt : elt?.form;
      if (!elt?.isConnected) location.reload();
      else if (form) form.requestSubmit(button?.isConnected && button.form === form ? button : undefined);
      else elt.click();
    } else if (at('.summary a[href^="#"]')) {
      const field = document.getElementById(at('.summary a').hash.slice(1));
      if (field) { event.preventDefault(); field.scrollIntoView({ block: 'center' }); land(field); }
    }
    for (const open of all('details.drop[open]')) if (!open.contains(event.target)) open.open = false;
  }, true);

  // ---- choosing rows --------------------------------------------------------------------------------
  const tally = table => {
    const boxes = all('input[type=checkbox][data-row]', table);
    const on = boxes.filter(b => b.checked);
    const head = $('[data-check-all]', table);
    if (head) {
      head.checked = on.length > 0 && on.length === boxes.length;
      head.indeterminate = on.length > 0 && on.length < boxes.length;
    }
    for (const box of boxes) {
      const line = box.closest('tr,li');
      if (line && !$('[aria-current]', line)) line.classList.toggle('on', box.checked);
    }
    const scope = table.closest('form,[data-list]') || document;
    for (const n of all('[data-chosen]', scope)) n.textContent = on.length;
    for (const bar of all('[data-batch]', scope)) bar.hidden = on.length === 0;
  };
  addEventListener('change', event => {
    const box = event.target;
    const table = box.closest?.('[data-rows]');
    if (table && (box.matches('[data-check-all]') || box.matches('[data-row]'))) {
      if (box.matches('[data-check-all]')) for (const b of all('[data-row]', table)) b.checked = box.checked;
      tally(table);
      say(`已选 ${all('[data-row]:checked', table).length} 项`);
    } else if (box.matches?.('[data-keys-switch]')) remember(box.checked ? 'on' : 'off');
    else if (box.matches?.('select[data-auto]')) box.form.requestSubmit();
  });

  // ---- keyboard ---------------------------------------------------------------------------------------
  const remember = value => { try { localStorage.setItem('keys', value); } catch { /* private window */ } };
  const keysOn = () => { try { return localStorage.getItem('keys') !== 'off'; } catch { return true; } };
  const KEYS = [['/', '到搜索框'], ['?', '这张快捷键表'], ['j / k', '列表中下一件 / 上一件'], ['x', '选中或取消这一件'],
    ['a', '同意光标所在的这一件（先核对姓名和去向）'], ['r', '退回光标所在的这一件'], ['Esc', '关闭弹窗、菜单'], ['↑ ↓ ← → Home End', '在组织树中移动']];
  const help = () => {
    let dialog = $('#keys');
    if (!dialog) {
      dialog = document.createElement('dialog');
      dialog.id = 'keys';
      dialog.setAttribute('aria-labelledby', 'keys-title');
      dialog.innerHTML = '<h2 id="keys-title">键盘快捷键</h2><dl class="facts">' +
        KEYS.map(([key, what]) => `<dt><kbd>${key}</kbd></dt><dd>${what}</dd>`).join('') +
        '</dl><label class="pick"><input type="checkbox" data-keys-switch> 启用单键快捷键</label>' +
        '<p class="actions"><button type="button" class="btn" data-close>关闭</button></p>';
      document.body.append(dialog);
    }
    $('[data-keys-switch]', dialog).checked = keysOn();
    dialog.showModal();
  };
  const walk = (step, at) => {
    const items = all('[data-item]').filter(visible);
    const here = items.findIndex(i => i.contains(at));
    const current = here >= 0 ? here : items.findIndex(i => i.classList.contains('on'));
    const item = items[Math.min(Math.max(current + step, 0), items.length - 1)];
    if (item) land($('a[href],button,input:not([type=checkbox])', item) || item);
  };
  // a and r act on the row that has the focus. When another one's detail is open, the row is opened
  // first; the key goes on when its detail is there, and is forgotten when anything else is done.
  let pending = null;
  const act = (key, at) => {
    const item = at.closest('[data-item]');
    const no = item?.dataset.item;
    const shown = $('[data-shown]')?.dataset.shown;
    if (no && no !== shown) {
      const link = $('a[href]', item);
      if (!link) return;
      pending = { key, no, time: Date.now() };
      link.click();
      return;
    }
    const button = $(`[data-key="${key}"]`);
    if (!visible(button)) { say('这一件不能这样办理'); return; }
    if (key === 'a' && button.dataset.confirm) sure(button);
    else { button.focus(); button.click(); }
  };
  const goOn = () => {
    const next = pending;
    pending = null;
    if (!next || Date.now() - next.time > 15000) return;
    const shown = $('[data-shown]');
    if (shown?.dataset.shown !== next.no) return;
    act(next.key, shown);
  };
  for (const name of ['pointerdown', 'keydown']) {
    addEventListener(name, event => { if (event.isTrusted && pending && event.key !== pending.key) pending = null; }, true);
  }
  // says whom it is about and what becomes of her, before anything is sent
  const sure = button => {
    $('#sure')?.remove();
    const dialog = document.createElement('dialog');
    dialog.id = 'sure';
    dialog.setAttribute('aria-labelledby', 'sure-what');
    dialog.innerHTML = '<p id="sure-what"></p><p class="actions"><button type="button" class="btn primary" data-sure></button>' +
      '<button type="button" class="btn" data-close>不办理</button></p>';
    const form = button.form;
    const branch = form.elements.branch;
    const into = branch?.value ? `，分配到${branch.selectedOptions[0].textContent.trim()}` : '';
    dialog.firstChild.textContent = button.dataset.confirm + into + '？';
    const go = $('[data-sure]', dialog);
    go.textContent = button.textContent.trim();
    go.addEventListener('click', () => { dialog.close(); button.focus(); form.requestSubmit(button); });
    dialog.addEventListener('close', () => { dialog.remove(); if (document.activeElement === document.body) button.focus(); });
    document.body.append(dialog);
    dialog.showModal();
    go.focus();
  };
  addEventListener('keydown', event => {
    const at = event.target;
    if (!(at instanceof Element)) return;
    // a cell may belong to the form of its page and name that of its row
    const cell = at.matches('[data-cell]') && (document.getElementById(at.dataset.cell) || at.form);
    if (event.key === 'Enter' && cell) { event.preventDefault(); nextCell = true; cell.requestSubmit(); return; }
    if (event.key === 'Escape') {
      const open = $('details.drop[open]');
      if (open) { open.open = false; $('summary', open).focus(); }
      else if (location.hash === '#menu') { location.hash = '#main'; $('.menu-open')?.focus(); }
      return;
    }
    const tree = at.closest('[role=tree]');
    if (tree && branch(event, at, tree)) { event.preventDefault(); return; }
    const typing = at.matches('input:not([type=checkbox]):not([type=radio]),textarea,select') || at.isContentEditable;
    if (typing || event.ctrlKey || event.metaKey || event.altKey || $('dialog[open]')) return;
    if (event.key === '?') { help(); return; }
    if (!keysOn()) return;
    const list = $('[data-list]');
    if (event.key === '/') { const box = all('[data-search]').find(visible); if (box) { event.preventDefault(); box.focus(); box.select(); } }
    else if (list && event.key === 'j') walk(1, at);
    else if (list && event.key === 'k') walk(-1, at);
    else if (list && event.key === 'x') at.closest('[data-item]')?.querySelector('[data-row]')?.click();
    else if ((event.key === 'a' || event.key === 'r') && !event.repeat) {
      if (at.closest('[data-item]') || $(`[data-key="${event.key}"]`)) { event.preventDefault(); act(event.key, at); }
    }
  });

  // ---- tree: one stop for Tab, arrows inside (APG) -------------------------------------------------------
  const branch = (event, at, tree) => {
    const item = at.closest('[role=treeitem]');
    if (!item) return false;
    const shown = all('[role=treeitem]', tree).filter(visible);
    const go = to => {
      if (!to) return;
      for (const i of shown) i.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    };
    const i = shown.indexOf(item);
    const open = item.getAttribute('aria-expanded');
    const twig = $('.twig', item);
    switch (event.key) {
      case 'ArrowDown': go(shown[i + 1]); return true;
      case 'ArrowUp': go(shown[i - 1]); return true;
      case 'Home': go(shown[0]); return true;
      case 'End': go(shown[shown.length - 1]); return true;
      case 'ArrowRight':
        if (open === 'false') { unfold(item, twig, true); } else if (open) go($('[role=treeitem]', item));
        return true;
      case 'ArrowLeft':
        if (open === 'true') item.setAttribute('aria-expanded', 'false'); else go(item.parentElement.closest('[role=treeitem]'));
        return true;
      case 'Enter':
        if (at !== item) return false;
        $('.tree-row a:not(.twig), .tree-row input', item)?.click();
        return true;
    }
    return false;
  };
  // children that are here already are only shown; others are fetched by the link itself
  const unfold = (item, twig, fetch) => {
    if ($('[role=group]', item)) item.setAttribute('aria-expanded', 'true');
    else if (fetch && twig) twig.click();
  };
  addEventListener('click', event => {
    const item = event.target.closest?.('.twig')?.closest('[role=treeitem]');
    if (!item || !$('[role=group]', item)) return;
    event.preventDefault();
    event.stopPropagation();
    item.setAttribute('aria-expanded', item.getAttribute('aria-expanded') !== 'true');
  }, true);

  // ---- caps lock ------------------------------------------------------------------------------------------
  addEventListener('keyup', event => {
    if (!event.target.matches?.('input[autocomplete$=password]') || !event.getModifierState) return;
    const field = event.target.closest('.field');
    let hint = $('.caps', field);
    if (!hint) {
      hint = document.createElement('p');
      hint.className = 'hint caps warn-t';
      hint.setAttribute('role', 'status');
      field.append(hint);
    }
    hint.textContent = event.getModifierState('CapsLock') ? '大写锁定已打开' : '';
  });

  // ---- start, and again after each swap ---------------------------------------------------------------------
  const ready = root => {
    all('[data-rows]', root).forEach(tally);
    for (const wrap of all('.table-wrap', root)) {
      // a region that scrolls must be reachable by keyboard, one that does not must not be a stop
      if (wrap.scrollWidth > wrap.clientWidth + 1) wrap.tabIndex = 0; else wrap.removeAttribute('tabindex');
    }
    for (const tree of all('[role=tree]', root)) {
      const items = all('[role=treeitem]', tree);
      for (const link of all('.tree-row a', tree)) link.tabIndex = -1;
      if (!items.some(i => i.tabIndex === 0) && items[0]) {
        ($('[aria-selected=true]', tree) || items[0]).tabIndex = 0;
      }
    }
  };
  const start = () => { ready(document); land($('.summary')); };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start); else start();
})();
