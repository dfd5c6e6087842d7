// Promises about what was typed and what a key acts on, against the real program: the network drops
// and comes back, an answer is lost on its way, somebody goes back and forward, closes the page,
// signs out, or is about to be signed out. Run: node --test tests/browser/kept.test.mjs

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { context, launch, signIn } from './kit.mjs';
import { ask, program } from './program.mjs';

const data = fs.mkdtempSync(path.join(os.tmpdir(), 'kept-'));
let told, child, browser;

/** Starts the program on the same folder and the same port; resolves when it answers. */
async function start(command, listen) {
  child = spawn(program(), [command, '--data', data, '--listen', listen, '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, RUST_LOG: process.env.RUST_LOG || 'error' } });
  if (command === 'demo') {
    const line = await new Promise(heard => readline.createInterface({ input: child.stdout }).once('line', heard));
    told = JSON.parse(line);
    return;
  }
  for (let turn = 0; turn < 100; turn += 1) {
    if (await fetch(`${told.address}/health`).then(a => a.ok, () => false)) return;
    await new Promise(done => setTimeout(done, 200));
  }
  throw new Error('the program did not come back');
}
async function kill() {
  const ended = new Promise(done => child.once('exit', done));
  child.kill('SIGKILL');
  await ended;
}
const again = () => start('serve', new URL(told.address).host);

before(async () => {
  [browser] = await Promise.all([launch(), start('demo', '127.0.0.1:0')]);
});
after(async () => {
  await browser?.close();
  await kill();
  fs.rmSync(data, { recursive: true, force: true });
});

const who = role => told.sign_ins.find(s => s.role === role);
const look = (role, url) => ask(told.address, who(role).token, url);
const org = role => `/o/${who(role).org}`;

/** A signed-in visitor in a browser of her own. */
async function visitor(role, width = 1440) {
  const made = await context(browser, { base: told.address, width });
  const page = await made.newPage();
  page.setDefaultTimeout(15000);
  await signIn(page, told.address, who(role).id_number, who(role).password);
  const go = at => page.goto(told.address + at);
  return { made, page, go };
}
const kept = page => page.evaluate(() => JSON.stringify({ ...localStorage }));
const flash = page => page.locator('.flash').innerText();

/** Brings the committee three transfers that wait. */
async function three() {
  const from = who('branch');
  const { members } = await look('branch', `${org('branch')}/members`);
  const free = members.filter(m => !m.moving).slice(0, 3);
  for (const m of free) {
    await ask(told.address, from.token, `${org('branch')}/transfers`,
      { person: m.code, to: who('committee').org, reason: 'reorganised', remark: '整班调整' });
  }
}

test('a key acts on the row that has the focus, and says whom before it does anything', async () => {
  await three();
  const { made, page, go } = await visitor('committee');
  await go(`${org('committee')}/inbox?type=transfer`);
  const shownFirst = await page.locator('[data-shown]').getAttribute('data-shown');
  await page.locator('main').focus();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  const row = page.locator('[data-item]:has(:focus)');
  const no = await row.getAttribute('data-item');
  const name = (await row.locator('a').innerText()).split(' · ')[0];
  assert.notEqual(no, shownFirst, 'the focus has gone to another one than is shown');
  await page.keyboard.press('a');
  const dialog = page.locator('#sure');
  await dialog.waitFor();
  const { item } = await look('committee', `${org('committee')}/inbox?type=transfer&item=${no}`);
  const said = await dialog.innerText();
  assert.ok(said.includes(name) && said.includes(item.to.at(-1)), said);
  assert.equal(await page.locator('[data-shown]').getAttribute('data-shown'), no, 'its detail is shown');
  await page.keyboard.press('Escape');
  assert.equal((await look('committee', `${org('committee')}/t/${no}`)).state, item.state, 'nothing happened yet');
  await page.keyboard.press('a');
  await dialog.waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.flash').waitFor();
  assert.ok((await flash(page)).includes(name), await flash(page));
  assert.notEqual((await look('committee', `${org('committee')}/t/${no}`)).state, item.state);
  const first = await look('committee', `${org('committee')}/t/${shownFirst}`);
  assert.ok(first.rights.approve || first.rights.allocate, 'the one that was shown at first still waits');
  await made.close();
});

test('j j a typed at once never decides the one that was shown before', async () => {
  const { made, page, go } = await visitor('committee');
  await go(`${org('committee')}/inbox?type=transfer`);
  const all = await page.locator('[data-item]').evaluateAll(rows => rows.map(r => r.dataset.item));
  assert.ok(all.length >= 2);
  await page.locator('main').focus();
  await page.keyboard.type('jja');
  const target = all[Math.min(2, all.length - 1)];
  await page.locator(`[data-shown="${target}"]`).waitFor();
  // The last key came while the next ones were on their way: it is for the one that is shown now, or
  // for nothing at all. Whatever it asks, nothing is decided before somebody says yes.
  const asked = page.locator('#sure');
  if (await asked.count()) assert.match(await asked.innerText(), /，从.+转到/);
  await page.keyboard.press('Escape');
  for (const no of all) {
    const { rights } = await look('committee', `${org('committee')}/t/${no}`);
    assert.ok(rights.approve || rights.allocate, `${no} still waits`);
  }
  await made.close();
});

test('the network drops: the form stays, says so, and the same submission goes through later', async () => {
  const { made, page, go } = await visitor('committee');
  await go(`${org('committee')}/children/new`);
  const name = '2026级断网测试1班团支部';
  await page.check('input[name=category][value=BRANCH]');
  await page.fill('#f-short_name', name);
  await page.selectOption('#f-industry', { index: 1 });
  const key = await page.inputValue('main form input[name=_idem]');
  await kill();
  await page.click('main form button.primary');
  const line = page.locator('[data-retry]');
  await line.waitFor();
  assert.match(await line.innerText(), /网络断了，内容还在，点这里再试/);
  assert.equal(await page.inputValue('#f-short_name'), name);
  await line.click();
  await line.waitFor();
  await again();
  assert.equal(await page.inputValue('main form input[name=_idem]'), key, 'one form, one key');
  await line.click();
  await page.locator('.flash').waitFor();
  const { rows } = await look('committee', `${org('committee')}/children?q=${encodeURIComponent('断网测试')}`);
  assert.equal(rows.filter(r => r.short_name === name).length, 1);
  assert.ok(!(await kept(page)).includes('断网测试'), 'what was sent is no draft any more');
  await made.close();
});

test('an answer that is lost on its way: trying again has no second effect', async () => {
  const { made, page, go } = await visitor('committee');
  await go(`${org('committee')}/children/new`);
  const name = '2026级回执丢失1班团支部';
  await page.check('input[name=category][value=BRANCH]');
  await page.fill('#f-short_name', name);
  await page.selectOption('#f-industry', { index: 1 });
  let cut = true;
  await page.route('**/children/new', async route => {
    if (!cut || route.request().method() !== 'POST') return route.fallback();
    cut = false;
    await route.fetch({ maxRedirects: 0 });
    return route.abort('connectionreset');
  });
  await page.click('main form button.primary');
  await page.locator('[data-retry]').click();
  await page.locator('.flash').waitFor();
  assert.match(await flash(page), /已创建|创建/);
  const { rows } = await look('committee', `${org('committee')}/children?q=${encodeURIComponent('回执丢失')}`);
  assert.equal(rows.filter(r => r.short_name === name).length, 1);
  await made.close();
});

test('back and forward find the form as it was filled in and the step that checks it', async () => {
  const { members } = await look('branch', `${org('branch')}/members`);
  const person = members.find(m => !m.moving);
  const { made, page, go } = await visitor('branch');
  await go(`${org('branch')}/transfers/out/new?person=${person.code}&to=${who('committee').org}&reason=reorganised`);
  await page.fill('#f-remark', '随专业调整，整班并入');
  await page.click('main form[method=post] button.primary');
  await page.waitForURL('**draft=*');
  assert.match(await page.locator('main').innerText(), /随专业调整，整班并入/);
  await page.reload();
  assert.match(await page.locator('main').innerText(), /随专业调整，整班并入/, 'reloading asks nothing and loses nothing');
  await page.goBack();
  await page.locator('#f-remark').waitFor();
  assert.equal(await page.inputValue('#f-remark'), '随专业调整，整班并入');
  await page.goForward();
  assert.match(await page.locator('h1').innerText(), /核对/);
  await page.locator('main a', { hasText: '返回修改' }).click();
  await page.locator('#f-remark').waitFor();
  assert.equal(await page.inputValue('#f-remark'), '随专业调整，整班并入');
  await made.close();
});

test('what was not sent is offered back; numbers are never kept; signing out forgets all of it', async () => {
  const { made, page, go } = await visitor('branch');
  await go(`${org('branch')}/members/new`);
  await page.fill('#f-id_number', '340104200601010015'.replace(/.$/, ''));
  await go(`${org('branch')}/info/edit`);
  const form = page.locator('main form[method=post]').first();
  const area = form.locator('input[type=text]:not([readonly]), textarea').first();
  const before = await area.inputValue();
  await area.fill('写到一半的内容');
  await form.locator('input[type=tel], input[name=phone]').first().fill('0551-62901234').catch(() => {});
  await page.waitForTimeout(700);
  const stored = await kept(page);
  assert.ok(stored.includes('写到一半的内容'), stored);
  assert.ok(!stored.includes('62901234') && !stored.includes('34010420060101001'), stored);
  await page.close();

  const fresh = await made.newPage();
  await fresh.goto(`${told.address}${org('branch')}/info/edit`);
  const back = fresh.locator('button', { hasText: '恢复上次没有提交的内容' });
  await back.waitFor();
  const field = fresh.locator('main form[method=post]').first().locator('input[type=text]:not([readonly]), textarea').first();
  assert.equal(await field.inputValue(), before, 'nothing is put back unasked');
  await back.click();
  assert.equal(await field.inputValue(), '写到一半的内容');
  await fresh.reload();
  assert.equal(await field.inputValue(), '写到一半的内容', 'a reload keeps the page as it was');
  await fresh.locator('.drop summary').click();
  await fresh.locator('form[action="/logout"] button').click();
  await fresh.waitForURL('**/login**');
  assert.ok(!(await kept(fresh)).includes('写到一半的内容'));
  await made.close();
});

test('before the sign-in ends there is a warning, and going on keeps the page and the sign-in', async () => {
  const made = await context(browser, { base: told.address, width: 1440 });
  const page = await made.newPage();
  await page.clock.install();
  await signIn(page, told.address, who('branch').id_number, who('branch').password);
  await page.goto(`${told.address}${org('branch')}/info/edit`);
  await page.clock.fastForward('20:00');
  assert.equal(await page.locator('#session').count(), 0);
  await page.clock.fastForward('06:00');
  await page.locator('#session').waitFor();
  assert.match(await page.locator('#session').innerText(), /自动退出登录/);
  const asked = page.waitForResponse('**/me/session');
  await page.locator('#session button', { hasText: '继续使用' }).click();
  assert.equal((await asked).status(), 200);
  await page.locator('#session').waitFor({ state: 'detached' });
  await page.clock.fastForward('26:00');
  await page.locator('#session').waitFor();
  await made.close();
});
