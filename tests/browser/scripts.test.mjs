// Promises of ime.js and app.js, each against a small page of its own served here under the real
// CSP with the real htmx: what happens to focus, typed text and double clicks when answers are late,
// refused or lost. Run: node --test tests/browser/scripts.test.mjs

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { context, launch, mistakes } from './kit.mjs';

const root = new URL('../../', import.meta.url);
const file = path => fs.readFileSync(new URL(path, root), 'utf8');
const HEAD = file('crates/web/templates/parts/head.html').match(/<meta name="htmx-config"[^\n]*/)[0];
const SCRIPTS = {
  '/ime.js': file('crates/assets/static/ime.js'),
  '/htmx.js': file('node_modules/htmx.org/dist/htmx.min.js'),
  '/app.js': file('crates/assets/static/app.js'),
};
const CSP = "default-src 'self'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'";

const row = (n, bad) => `<tr id="row-${n}"><td><input form="r${n}" name="v" data-cell aria-label="行 ${n}"${bad ? ' aria-invalid="true"' : ''}>` +
  `<form id="r${n}" method="post" action="/row/${n}" hx-post="/row/${n}" hx-target="#row-${n}" hx-swap="outerHTML"><button>保存</button></form></td></tr>`;
const PAGE = `<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>t</title>${HEAD}
<script src="/ime.js"></script><script src="/htmx.js" defer></script><script src="/app.js" defer></script></head>
<body hx-target="#main"><header class="top"><form role="search"><input data-search aria-label="搜索"></form></header>
<main id="main" tabindex="-1"><h1>页</h1>
<form id="f" method="post" action="/save" hx-boost="true"><input id="t" name="t"><button id="go">提交</button></form>
<form id="plain" method="post" action="/plain"><button id="twice">办理</button></form>
<input id="q" name="q" hx-get="/search" hx-trigger="input changed delay:50ms" hx-target="#hits"><div id="hits"></div>
<table data-rows><thead><tr><td><input type="checkbox" data-check-all aria-label="全选"></td></tr></thead><tbody>
<tr><td><input type="checkbox" data-row aria-label="甲"></td></tr><tr><td><input type="checkbox" data-row aria-label="乙"></td></tr></tbody></table>
<div data-batch>已选 <span data-chosen>0</span></div>
<table><tbody>${row(1, true)}${row(2, false)}${row(3, true)}</tbody></table>
<ul role="tree" aria-label="树"><li role="treeitem" aria-expanded="false" id="a" tabindex="0"><span class="tree-row"><a class="twig" href="/x">展开</a></span><ul role="group"><li role="treeitem" id="b" tabindex="-1">乙</li></ul></li><li role="treeitem" id="c" tabindex="-1">丙</li></ul>
</main><div id="live" role="status"></div></body></html>`;

let server, base, browser, asked, answer, lost;

before(async () => {
  server = http.createServer((request, response) => {
    const path = request.url.split('?')[0];
    if (SCRIPTS[path]) {
      response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' });
      return response.end(SCRIPTS[path]);
    }
    if (path !== '/favicon.ico') asked.push(`${request.method} ${request.url}`);
    const html = (status, text) => {
      response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': CSP });
      response.end(text);
    };
    if (path === '/save') return answer(html, response);
    if (path === '/plain') return setTimeout(html, 800, 200, PAGE);
    if (path.startsWith('/row/')) return html(200, row(path.slice(5), false));
    if (path === '/search') return lost ? html(401, '') : html(200, '<p data-announce>找到 1 人</p>');
    return html(200, PAGE);
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${server.address().port}`;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

/** One test on a fresh page; no CSP refusal or exception may happen in any of them. */
const promise = (words, steps, expected = () => false) => test(words, async () => {
  asked = [];
  lost = false;
  const made = await context(browser, { base });
  try {
    const page = await made.newPage();
    const errors = mistakes(page);
    await page.goto(base + '/');
    await steps(page);
    assert.deepEqual(errors.filter(e => !expected(e)), []);
  } finally {
    await made.close();
  }
});
const focus = page => page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.tagName);
const status = e => /status of (4|5)\d\d|ERR_|htmx:|Response Status/.test(e);

promise('a refused form is swapped and its error summary has the focus', async page => {
  answer = html => html(422, '<h1>页</h1><div class="summary" tabindex="-1"><a href="#t">请填写</a></div><input id="t" value="x">');
  await page.fill('#t', 'x');
  await page.click('#go');
  await page.waitForSelector('.summary');
  await page.waitForFunction(() => document.activeElement.className === 'summary');
  await page.click('.summary a');
  assert.equal(await focus(page), 't');
}, status);

promise('a server error keeps what was typed, and 重试 sends it again', async page => {
  answer = html => html(500, '<h1>坏了</h1>');
  await page.fill('#t', '写了很久');
  await page.click('#go');
  await page.waitForSelector('#trouble');
  assert.match(await page.innerText('#trouble'), /坏了，内容还在，点这里再试/);
  assert.equal(await page.inputValue('#t'), '写了很久');
  assert.equal(await page.innerText('#go'), '提交');
  answer = html => html(200, '<h1>好了</h1>');
  await page.click('[data-retry]');
  await page.waitForFunction(() => document.querySelector('h1').textContent === '好了');
  assert.equal(await page.locator('#trouble').count(), 0);
  await page.waitForFunction(() => document.activeElement.tagName === 'H1');
}, status);

promise('a broken connection keeps what was typed', async page => {
  answer = (_, response) => response.destroy();
  await page.fill('#t', '还在');
  await page.click('#go');
  await page.waitForSelector('#trouble');
  assert.match(await page.innerText('#trouble'), /网络断了，内容还在，点这里再试/);
  assert.equal(await page.inputValue('#t'), '还在');
}, status);

promise('a refused writing keeps the form and says why', async page => {
  answer = html => html(403, '<h1>不行</h1><p data-reason>只有本支部管理员可以办理</p>');
  await page.click('#go');
  await page.waitForSelector('#trouble');
  assert.match(await page.innerText('#trouble'), /只有本支部管理员可以办理/);
  assert.equal(await page.locator('#t').count(), 1);
}, status);

promise('a lost session in mid-form sends the form on, so that the sign-in page keeps it', async page => {
  answer = html => html(401, '<h1>请先登录</h1>');
  await page.fill('#t', '写了很久');
  await page.click('#go');
  await page.waitForURL('**/save');
  assert.equal(await page.innerText('h1'), '请先登录');
  assert.deepEqual(asked.filter(a => a.startsWith('POST')), ['POST /save', 'POST /save']);
}, status);

promise('a lost session while reading leads to the sign-in page with the way back', async page => {
  lost = true;
  await page.fill('#q', 'x');
  await page.waitForURL('**/login?next=%2F');
}, status);

promise('a double click submits once', async page => {
  await page.evaluate(() => { const b = document.getElementById('twice'); b.click(); b.click(); });
  await page.waitForURL('**/plain');
  assert.equal(asked.filter(a => a === 'POST /plain').length, 1);
});

promise('pinyin being composed asks once, when the word is chosen', async page => {
  await page.focus('#q');
  const wire = await page.context().newCDPSession(page);
  for (const text of ['h', 'he', 'hefei']) {
    await wire.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
    await page.waitForTimeout(120);
  }
  assert.equal(asked.filter(a => a.startsWith('GET /search')).length, 0);
  await wire.send('Input.insertText', { text: '合肥' });
  await page.waitForFunction(() => document.getElementById('live').textContent === '找到 1 人');
  assert.deepEqual(asked.filter(a => a.startsWith('GET /search')), ['GET /search?q=%E5%90%88%E8%82%A5']);
  assert.equal(await focus(page), 'q');
});

promise('the box above the rows checks all and the batch bar counts', async page => {
  assert.equal(await page.isVisible('[data-batch]'), false);
  await page.check('[data-check-all]');
  assert.equal(await page.innerText('[data-chosen]'), '2');
  await page.uncheck('[data-row] >> nth=0');
  assert.equal(await page.innerText('[data-chosen]'), '1');
  assert.equal(await page.evaluate(() => document.querySelector('[data-check-all]').indeterminate), true);
});

promise('Enter in a cell saves its row and goes to the next wrong cell', async page => {
  await page.focus('#row-1 input');
  await page.keyboard.type('340104');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.closest('tr')?.id === 'row-3');
  assert.deepEqual(asked.filter(a => a.startsWith('POST')), ['POST /row/1']);
});

promise('arrows walk the tree', async page => {
  await page.focus('#a');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.getAttribute('#a', 'aria-expanded'), 'true');
  await page.keyboard.press('ArrowRight');
  assert.equal(await focus(page), 'b');
  await page.keyboard.press('End');
  assert.equal(await focus(page), 'c');
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.getAttribute('#a', 'aria-expanded'), 'false');
});

promise('single keys work outside fields, and can be switched off', async page => {
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.search), '');
  await page.keyboard.press('?');
  assert.equal(await page.locator('#keys').count(), 0, 'typing ? in a field is typing');
  await page.focus('#main');
  await page.keyboard.press('?');
  await page.uncheck('[data-keys-switch]');
  await page.keyboard.press('Escape');
  await page.focus('#main');
  await page.keyboard.press('/');
  assert.equal(await focus(page), 'main');
});
