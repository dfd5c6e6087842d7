// Nothing typed is lost: every form that posts goes through htmx, so that an answer that never comes
// leaves the page as it is (app.js says so and tries again); what was typed and not sent is kept on
// this device and offered back; before a sign-in ends there is a warning with a way to go on.
// Never kept: passwords, ID numbers, phone numbers, codes. Reads data-* attributes only (CSP 'self').
(() => {
  const $ = (q, from = document) => from.querySelector(q);
  const all = (q, from = document) => [...from.querySelectorAll(q)];
  const MINUTE = 60_000;

  // ---- every posting form goes through the region that keeps its content ----------------------
  const posts = root => all('form', root).filter(f => f.getAttribute('method')?.toLowerCase() === 'post');
  // an answer that is a file, which only the browser itself can save
  const isDownload = form => /\/export$/.test(new URL(form.action, location.href).pathname);
  const through = root => {
    for (const form of posts(root)) {
      if (isDownload(form)) continue;
      if (form.closest('[hx-boost]') || form.matches('[hx-post]')) continue;
      form.setAttribute('hx-boost', 'true');
      // a file takes its time on a slow line
      if (form.enctype === 'multipart/form-data') form.setAttribute('hx-request', '{"timeout":600000}');
      window.htmx?.process(form);
    }
  };
  // a step that was checked stands at an address of its own; Back leads to the form as it was filled in
  document.addEventListener('htmx:beforeOnLoad', event => {
    const { xhr, requestConfig } = event.detail;
    const to = xhr.getResponseHeader('HX-Redirect') || '';
    const form = requestConfig?.elt?.closest?.('form');
    if (xhr.status < 400 && form && requestConfig.verb === 'post') forget(form);
    if (/[?&]draft=/.test(to)) history.replaceState(null, '', to + '&edit=1');
  });

  // ---- what is kept -------------------------------------------------------------------------------
  const who = document.body.dataset.who || '';
  const LIFE = 48 * 60 * MINUTE;
  const store = {
    get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* private window, full */ } },
    drop(key) { try { localStorage.removeItem(key); } catch { /* private window */ } },
    keys() { try { return Object.keys(localStorage).filter(k => k.startsWith('draft:')); } catch { return []; } },
  };
  const SECRET_NAME = /id_?num|mobile|phone|tel|pass|captcha|code|ticket|secret|token|mail|^_|^old$|^again$/i;
  const SECRET_LABEL = /证件|身份证|护照|手机|电话|联系方式|邮箱|密码|口令|验证码|注册码|重置码|激活码|领取码|邀请码/;
  const DATE = /^\s*\d{4}\s*[-./年]\s*\d{1,2}\s*([-./月]\s*\d{0,2}\s*日?)?\s*$/;
  // numbers by which a person is known, however they are written
  const isNumber = value => {
    const text = value.normalize('NFKC');
    if (DATE.test(text)) return false;
    return /\d{7}/.test(text.replace(/[\s\-‐-―_.·,，、()（）+]/g, ''));
  };
  const words = field => [...(field.labels || [])].map(l => l.textContent).join(' ') +
    (field.getAttribute('aria-label') || '') + (field.closest('fieldset')?.querySelector('legend')?.textContent || '') +
    (field.closest('td')?.dataset.label || '');
  const mayKeep = field => field.name && !field.disabled && !field.readOnly && field.matches('input,select,textarea') &&
    !/^(hidden|password|file|tel|email|submit|button|image|reset)$/.test(field.type) &&
    !/one-time-code|password/.test(field.autocomplete) &&
    !SECRET_NAME.test(field.name) && !SECRET_LABEL.test(words(field));
  const fields = form => [...form.elements].filter(mayKeep);
  const isTick = f => f.type === 'checkbox' || f.type === 'radio';
  const now = f => isTick(f) ? f.checked : f.multiple ? [...f.selectedOptions].map(o => o.value) : f.value;
  const first = f => {
    if (isTick(f)) return f.defaultChecked;
    if (f.tagName !== 'SELECT') return f.defaultValue;
    const chosen = [...f.options].filter(o => o.defaultSelected).map(o => o.value);
    return f.multiple ? chosen : chosen[0] ?? f.options[0]?.value ?? '';
  };
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  // one form of one person; what a form is about stands in its hidden fields
  const hash = text => {
    let n = 2166136261;
    for (const c of text) n = Math.imul(n ^ c.codePointAt(0), 16777619) >>> 0;
    return n.toString(36);
  };
  const keyOf = form => {
    const about = [...form.elements].filter(f => f.type === 'hidden' && !/^(_.*|version|seen|newest)$/.test(f.name))
      .map(f => f.name + '=' + f.value).join('&');
    return `draft:${who}:${new URL(form.action, location.href).pathname}:${hash(about)}`;
  };
  const isKept = form => who && form.getAttribute('role') !== 'search' && !isDownload(form) && fields(form).length > 0;

  const collect = form => {
    // a form that came back with errors already shows what was typed as its first values
    const back = !!$('.summary', form.closest('main') || document);
    const kept = [];
    fields(form).forEach((f, n) => {
      const value = now(f);
      if (same(value, first(f)) && !(back && value && value.length)) return;
      if (typeof value === 'string' && isNumber(value)) return;
      kept.push([f.name, isTick(f) ? f.value : '', value, n]);
    });
    return kept;
  };
  const waiting = new Map();
  const keep = form => {
    clearTimeout(waiting.get(form));
    waiting.delete(form);
    if (!form.isConnected || !isKept(form)) return;
    const kept = collect(form);
    if (kept.length) store.set(keyOf(form), { at: Date.now(), fields: kept });
    else store.drop(keyOf(form));
  };
  const forget = form => {
    clearTimeout(waiting.get(form));
    waiting.delete(form);
    form.dataset.sent = '1';
    if (who) store.drop(keyOf(form));
  };
  const typed = event => {
    const form = event.target.form || event.target.closest?.('form');
    if (!form || form.getAttribute('method')?.toLowerCase() !== 'post' || !isKept(form) || !event.isTrusted) return;
    delete form.dataset.sent;
    clearTimeout(waiting.get(form));
    waiting.set(form, setTimeout(keep, 400, form));
  };
  addEventListener('input', typed);
  addEventListener('change', typed);
  addEventListener('pagehide', () => { for (const form of [...waiting.keys()]) keep(form); });

  const restore = (form, draft) => {
    const mine = fields(form);
    for (const [name, which, value] of draft.fields) {
      const field = mine.find(f => f.name === name && (!isTick(f) || f.value === which));
      if (!field) continue;
      if (isTick(field)) field.checked = value;
      else if (field.multiple) for (const o of field.options) o.selected = value.includes(o.value);
      else if (field.tagName !== 'SELECT' || [...field.options].some(o => o.value === value)) field.value = value;
      field.closest('details')?.setAttribute('open', '');
      field.dispatchEvent(new Event('change', { bubbles: true }));
    }
    $('.draft', form)?.remove();
  };
  const at = time => new Date(time).toLocaleString('zh-CN', {
    timeZone: 'Asia/Shanghai', month: 'long', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false,
  });
  const offer = root => {
    if (!who) return;
    const walked = performance.getEntriesByType('navigation')[0]?.type;
    for (const form of posts(root)) {
      if (!isKept(form) || form.dataset.offered) continue;
      form.dataset.offered = '1';
      const draft = store.get(keyOf(form));
      if (!draft) continue;
      const mine = fields(form);
      const news = draft.fields.some(([name, which, value]) => {
        const field = mine.find(f => f.name === name && (!isTick(f) || f.value === which));
        return field && !same(now(field), value);
      });
      if (!news) continue;
      // who goes back, forward or reloads wants her page as she left it
      if (root === document && (walked === 'back_forward' || walked === 'reload')) { restore(form, draft); continue; }
      const note = document.createElement('div');
      note.className = 'note draft';
      note.setAttribute('role', 'status');
      note.innerHTML = '<p></p><p class="actions"><button type="button" class="btn" data-draft="restore">恢复上次没有提交的内容</button>' +
        '<button type="button" class="btn quiet" data-draft="drop">不用了</button></p>';
      note.firstChild.textContent = `${at(draft.at)}填写的内容还没有提交（证件号、电话和密码不保存，要重新填写）。`;
      form.prepend(note);
      note.addEventListener('click', event => {
        const what = event.target.dataset?.draft;
        if (what === 'restore') {
          restore(form, draft);
          const field = mine.find(f => draft.fields.some(([name]) => name === f.name));
          field?.focus();
        } else if (what === 'drop') {
          store.drop(keyOf(form));
          note.remove();
        }
      });
    }
  };
  // somebody else's, and what is too old; all of them when one signs out
  const tidy = everything => {
    for (const key of store.keys()) {
      const draft = store.get(key);
      if (everything || !draft || draft.at < Date.now() - LIFE || (who && !key.startsWith(`draft:${who}:`))) store.drop(key);
    }
  };
  addEventListener('submit', event => {
    if (new URL(event.target.action, location.href).pathname !== '/logout') return;
    for (const form of [...waiting.keys()]) forget(form);
    tidy(true);
  }, true);

  // ---- before the sign-in ends ------------------------------------------------------------------------
  const idle = Number(document.body.dataset.idle || 0) * MINUTE;
  const WARN = 5 * MINUTE;
  let ends = Infinity; // when the sign-in ends however busy one is
  const seen = () => { try { localStorage.setItem('seen', String(Date.now())); } catch { /* private window */ } lastSeen = Date.now(); };
  let lastSeen = Date.now();
  const last = () => { // another tab of the same browser keeps the sign-in alive as well
    try { return Math.max(lastSeen, Number(localStorage.getItem('seen')) || 0); } catch { return lastSeen; }
  };
  const bar = (text, button) => {
    let box = $('#session');
    if (!text) { box?.remove(); return; }
    if (!box) {
      box = document.createElement('div');
      box.id = 'session';
      box.className = 'bar';
      box.setAttribute('role', 'alert');
      ($('header.top') || document.body.firstElementChild).after(box);
    }
    if (box.dataset.text === text) return;
    box.dataset.text = text;
    box.innerHTML = '<span></span> ';
    box.firstChild.textContent = text;
    box.append(button);
  };
  const made = (tag, text, more) => Object.assign(document.createElement(tag), { className: 'btn', textContent: text, ...more });
  const ask = async () => {
    try {
      const answer = await fetch('/me/session', { headers: { accept: 'application/json' }, cache: 'no-store' });
      if (answer.status === 401) return false;
      if (!answer.ok) return null;
      const told = await answer.json();
      seen();
      ends = Date.now() + told.ends_in_minutes * MINUTE;
      return true;
    } catch { return null; } // no network: the bar stays
  };
  const look = () => {
    const left = Math.min(last() + idle, ends) - Date.now();
    if (left > WARN) { bar(''); return; }
    const minutes = Math.max(1, Math.ceil(left / MINUTE));
    if (left <= 0) {
      bar('登录已经结束，页面上的内容还在。请在新窗口登录，再回到这里提交。',
        made('a', '在新窗口登录', { href: '/login?next=/me', target: '_blank', rel: 'noopener' }));
    } else if (ends < last() + idle) {
      bar(`登录将在 ${minutes} 分钟后结束。请先提交；或者现在在新窗口重新登录，这一页的内容不会丢。`,
        made('a', '在新窗口登录', { href: '/login?next=/me', target: '_blank', rel: 'noopener' }));
    } else {
      const go = made('button', '继续使用', { type: 'button' });
      go.addEventListener('click', async () => { if (await ask() === false) { ends = 0; } look(); });
      bar(`已经 ${Math.floor((Date.now() - last()) / MINUTE)} 分钟没有操作，再过 ${minutes} 分钟会自动退出登录。`, go);
    }
  };
  if (idle && who) {
    seen();
    let asked = 0;
    setInterval(look, MINUTE / 4);
    document.addEventListener('htmx:afterRequest', event => { if (event.detail.xhr?.status) seen(); });
    document.addEventListener('visibilitychange', look);
    // whoever types is there: the sign-in does not end under her hands
    addEventListener('input', event => {
      if (!event.isTrusted || Date.now() - Math.max(asked, last()) < WARN) return;
      asked = Date.now();
      ask().then(look);
    });
  }

  // ---- start, and again after each swap ---------------------------------------------------------------
  tidy(false);
  through(document);
  offer(document);
  document.addEventListener('htmx:load', event => {
    const root = event.detail.elt;
    if (root === document.body) return;
    through(root.parentElement || root);
    offer(root.parentElement || root);
  });
})();
