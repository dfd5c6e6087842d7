// The main jobs walked in a real browser against the demonstration: first sign-in and activation,
// an import with bad rows put right on the page, a transfer that another administrator approves and
// allocates, finding a person. With scripts, without scripts, and by touch at 360 px; axe looks at
// every page on the way. Run: node --test tests/browser/walks.test.mjs

import assert from 'node:assert/strict';
import { after, before, test as plainTest } from 'node:test';
import { axe, context, launch, mistakes, signIn } from './kit.mjs';
import { ask, demonstration } from './program.mjs';

let demo, browser;
before(async () => { [demo, browser] = await Promise.all([demonstration(), launch()]); });
after(async () => { await browser?.close(); await demo?.stop(); });

const WITH_SCRIPTS = { width: 1440, scripts: true };
const WITHOUT = { width: 1440, scripts: false };
const PHONE = { width: 360, scripts: true };
const PASSWORD = 'huangshan-2026';

/** The pages that are open; when a walk fails, what stands on each is told with the failure. */
const open = new Set();
const test = (words, walk) => plainTest(words, async () => {
  try {
    await walk();
  } catch (error) {
    for (const page of open) {
      const text = await page.locator('body').innerText({ timeout: 2000 }).catch(() => '(gone)');
      error.message += `\n--- ${page.url()}\n${text.replace(/\s*\n\s*/g, ' | ').slice(0, 1500)}`;
      await page.context().close().catch(() => {});
    }
    throw error;
  } finally {
    open.clear();
  }
});

/** A visitor: a page of her own, its mistakes, and `look` for axe on the page as it stands. */
async function visitor(way, who) {
  const made = await context(browser, { base: demo.base, width: way.width, javaScriptEnabled: way.scripts });
  const page = await made.newPage();
  page.setDefaultTimeout(20000);
  open.add(page);
  const errors = mistakes(page);
  const looked = new Set();
  const look = async () => {
    const path = new URL(page.url()).pathname;
    if (!way.scripts || looked.has(path)) return;
    looked.add(path);
    const bad = (await axe(page)).filter(v => /\[(serious|critical)\]/.test(v));
    assert.deepEqual(bad, [], `axe on ${path}`);
  };
  const end = async () => {
    // answers that refuse a form are told on the console as well; those are meant
    assert.deepEqual(errors.filter(e => !/status of 4\d\d|Response Status Error Code 4\d\d/.test(e)), []);
    open.delete(page);
    await made.close();
  };
  if (who) {
    await enter(page, way, who.id_number, who.password);
    await look();
  }
  return { page, look, end, press: press(page, way) };
}

/** Signs in; without scripts kit's waiting on the page can't be used. */
async function enter(page, way, id, password) {
  if (way.scripts) return signIn(page, demo.base, id, password);
  await page.goto(`${demo.base}/login`);
  await page.fill('input[name=id_number]', id);
  await page.fill('input[name=password]', password);
  await page.click('main form button[type=submit]');
  await page.waitForURL(url => url.pathname !== '/login');
  return page;
}

/** Uses a control as the visitor would: a tap on the phone, a click elsewhere. */
const press = (page, way) => async (target, options = {}) => {
  const at = typeof target === 'string' ? page.locator(target).first() : target.first();
  if (way.width < 768) await at.tap(options); else await at.click(options);
};

/** Waits until a heading with these words is on the page. */
const heading = (page, words) => page.locator('h1, h2', { hasText: words }).first().waitFor();

const org = who => `${demo.base}/o/${who.org}`;
let used = 0;

// ---- first sign-in -------------------------------------------------------------------------

async function firstSignIn(way) {
  const admin = demo.who('branch');
  const hers = await visitor(way, admin);
  const { members } = await ask(demo.base, admin.token, `/o/${admin.org}/members`);
  const newcomer = members[3 + used++];
  await hers.page.goto(`${org(admin)}/people/${newcomer.code}`);
  await hers.look();
  await hers.page.locator('details', { hasText: '显示' }).evaluateAll(all => all.forEach(d => { d.open = true; })).catch(() => {});
  const reveal = hers.page.locator(`form[action$="/reveal"]`).first();
  await reveal.locator('input[name=reason]:not([type=hidden]), textarea[name=reason]').first().fill('核对首次登录的证件号');
  await hers.press(reveal.locator('button[type=submit]'));
  await hers.page.waitForURL('**/reveal');
  await hers.look();
  const text = await hers.page.locator('main').innerText();
  const id = text.match(/\d{17}[\dX]/)?.[0];
  assert.ok(id, 'the full number is shown once, after a reason was given');
  assert.ok(!hers.page.url().includes(id));
  await hers.end();

  const his = await visitor(way);
  await enter(his.page, way, id, id.slice(-8));
  assert.equal(new URL(his.page.url()).pathname, '/activate');
  await his.look();
  await his.page.fill('input[name=name]', '不对的名字');
  await his.page.fill('input[name=password]', PASSWORD);
  await his.page.fill('input[name=password_again]', PASSWORD);
  await his.press('main form button[type=submit]');
  await his.page.locator('.summary', { hasText: '与组织录入的姓名不一致' }).waitFor();
  assert.equal(await his.page.inputValue('input[name=name]'), '不对的名字');
  await his.look();
  await his.page.fill('input[name=name]', newcomer.name);
  await his.page.fill('input[name=password]', PASSWORD);
  await his.page.fill('input[name=password_again]', PASSWORD);
  await his.press('main form button[type=submit]');
  await his.page.waitForURL('**/me');
  await his.look();
  assert.match(await his.page.locator('main').innerText(), new RegExp(newcomer.branch));
  await his.page.goto(`${demo.base}/me/profile`);
  await his.look();
  await his.end();
}

test('a member signs in for the first time and activates the account', () => firstSignIn(WITH_SCRIPTS));
test('the same without scripts', () => firstSignIn(WITHOUT));
test('the same by touch on a phone', () => firstSignIn(PHONE));

// ---- import --------------------------------------------------------------------------------

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/** An ID number that nobody has: valid, born in 2006, of a place where the demonstration has none. */
function freshId() {
  used += 1;
  const first = `3418242006${String(used % 12 + 1).padStart(2, '0')}27${String(100 + used)}`;
  const sum = [...first].reduce((s, d, i) => s + d * WEIGHTS[i], 0);
  return first + '10X98765432'[sum % 11];
}
/** What a person would write instead of what is wrong, by the column and by what is said about it. */
const better = {
  id_number: freshId,
  joined: () => '2022-05',
  dev_number: said => `${said.match(/入团 (\d{4})/)?.[1] || 2022}34${950000 + ++used}`,
  mobile: () => `138551${20000 + ++used}`,
  name: () => '王新',
  ethnic: () => '汉族',
};
/** The better value for a cell of the review. */
async function betterFor(page, name) {
  const field = page.locator('div.field').filter({ has: page.locator(`[name="${name}"]`) });
  const column = name.split('.')[1];
  assert.ok(better[column], `the walk knows what to write into ${column}`);
  return better[column](await field.innerText());
}

async function importWithBadRows(way) {
  const admin = demo.who('branch');
  const { page, look, end, press: use } = await visitor(way, admin);
  await page.goto(`${org(admin)}/imports`);
  await look();
  await page.goto(`${org(admin)}/imports/new`);
  await look();
  await page.setInputFiles('input[type=file]', demo.workbook('花名册(45人)'));
  await use('main form button.primary');
  await heading(page, '核对与修改');
  await look();
  const rows = await page.locator('tbody tr[data-item]').count();
  assert.ok(rows > 0, 'there are rows to put right');
  await putRight(page, way, use);
  await look();
  await use('#submit button.primary');
  await heading(page, '导入结果');
  await page.locator('h2', { hasText: /成功导入 \d+ 位/ }).waitFor({ timeout: 60000 }).catch(async () => {
    await page.reload();
    await page.locator('h2', { hasText: /成功导入 \d+ 位/ }).waitFor();
  });
  await look();
  const words = await page.locator('#outcome h2').innerText();
  const [, done] = words.match(/成功导入 (\d+) 位/);
  assert.ok(Number(done) > 0, words);
  // Undone again, so that the next walk can import the same people.
  await use('a[href$="/undo"]');
  await heading(page, '撤销本次导入');
  await look();
  await use('main form button.danger');
  await heading(page, '导入结果');
  await page.locator('h2', { hasText: '已撤销' }).waitFor();
  await end();
}

/** Puts every wrong cell right, and skips rows of people who belong elsewhere. */
async function putRight(page, way, use) {
  for (let turn = 0; turn < 30; turn += 1) {
    const elsewhere = page.locator('tbody tr', { hasText: '不在本支部' }).filter({ has: page.locator('button', { hasText: '跳过' }) });
    if (await elsewhere.count()) {
      const id = await elsewhere.first().getAttribute('id');
      const skip = use(elsewhere.first().locator('button', { hasText: '跳过' }));
      if (way.scripts) await page.locator(`#${id} button`, { hasText: '恢复' }).waitFor();
      else await Promise.all([page.waitForEvent('load'), skip]);
      continue;
    }
    const bad = page.locator('tbody input[aria-invalid=true]');
    if (await bad.count() === 0) return;
    if (way.scripts) {
      const cell = bad.first();
      const name = await cell.getAttribute('name');
      const value = await betterFor(page, name);
      const answered = page.waitForResponse(r => r.request().method() === 'POST' && r.url().includes('/rows/'));
      const settled = page.evaluate(() => new Promise(done => {
        document.addEventListener('htmx:afterSettle', done, { once: true });
      }).then(() => true));
      await cell.fill(value);
      await cell.press('Enter');
      await Promise.all([answered, settled]);
    } else {
      for (const cell of await bad.all()) {
        const name = await cell.getAttribute('name');
        await cell.fill(await betterFor(page, name));
      }
      await Promise.all([page.waitForEvent('load'), use('button[form=page]')]);
    }
  }
  assert.fail('the rows never came right');
}

test('an import with bad rows is put right on the page', () => importWithBadRows(WITH_SCRIPTS));
test('the same import without scripts', () => importWithBadRows(WITHOUT));
test('the same import by touch on a phone', () => importWithBadRows(PHONE));

// ---- transfer ------------------------------------------------------------------------------

async function transfer(way, keyboard = false) {
  const from = demo.who('branch');
  const to = demo.who('committee');
  const { members } = await ask(demo.base, from.token, `/o/${from.org}/members`);
  const person = members.filter(m => !m.moving).at(-1 - used++ % 5);
  const hers = await visitor(way, from);
  await hers.page.goto(`${org(from)}/transfers`);
  await hers.look();
  await hers.page.goto(`${org(from)}/transfers/out/new?person=${person.code}`);
  await hers.look();
  await hers.press(hers.page.locator('a', { hasText: '选择转入组织' }));
  await hers.page.waitForURL('**/picker**');
  await hers.look();
  await hers.page.locator('main input[name=q]').fill(to.org);
  await hers.page.locator('main input[name=q]').press('Enter');
  await hers.press(hers.page.locator(`main a[href*="to=${to.org}"]`));
  await hers.page.locator('#f-reason').waitFor();
  await hers.look();
  await hers.page.locator('#f-reason').selectOption({ index: 1 });
  // with scripts the choice asks by itself
  if (!way.scripts) await hers.press(hers.page.locator('main form[method=get] button[type=submit]'));
  await hers.page.locator('main form[method=post]').first().waitFor();
  for (const field of await hers.page.locator('main form[method=post] input[type=text]').all()) await field.fill('合肥工业大学');
  for (const field of await hers.page.locator('main form[method=post] select').all()) await field.selectOption({ index: 1 });
  await hers.look();
  await hers.press(hers.page.locator('main form[method=post] button.primary'));
  await heading(hers.page, '核对后提交');
  await hers.look();
  await hers.press(hers.page.locator('main form[method=post] button.primary'));
  await hers.page.waitForURL('**/t/**');
  await heading(hers.page, `${person.name} 的转接`);
  await hers.look();
  const no = new URL(hers.page.url()).pathname.split('/').at(-1);

  const his = await visitor(way, to);
  await his.page.goto(`${org(to)}/inbox?item=${no}`);
  await his.look();
  await his.page.locator('#f-branch').selectOption({ index: 1 });
  const decide = his.page.locator('button', { hasText: '同意并分配' });
  if (keyboard) {
    await decide.focus();
    await his.page.keyboard.press('Enter');
  } else {
    await his.press(decide);
  }
  await his.page.locator('.flash').waitFor();
  await his.look();
  await hers.page.goto(`${org(from)}/t/${no}`);
  await hers.page.locator('.chip', { hasText: /已完成|已转出|转接完成/ }).first().waitFor();
  await hers.look();
  await hers.end();
  await his.end();
}

test('a transfer is sent, approved and allocated by the other administrator', () => transfer(WITH_SCRIPTS));
test('the same transfer without scripts', () => transfer(WITHOUT));
test('the same transfer by touch on a phone', () => transfer(PHONE));

// ---- finding a person ----------------------------------------------------------------------

async function find(way) {
  const admin = demo.who('committee');
  const branch = demo.who('branch');
  const { page, look, end, press: use } = await visitor(way, admin);
  const box = way.width < 768 ? 'main input[name=q]' : 'header input[name=q]';
  await page.goto(way.width < 768 ? `${org(admin)}/search` : org(admin));
  await look();
  await page.fill(box, branch.name);
  await page.press(box, 'Enter');
  await page.locator('main a', { hasText: branch.name }).first().waitFor();
  await look();
  await use(page.locator('main a', { hasText: branch.name }));
  await page.waitForURL('**/people/**');
  await look();
  await page.goto(`${org(admin)}/search`);
  await page.fill('main input[name=q]', branch.id_number);
  await page.press('main input[name=q]', 'Enter');
  await page.locator('main a', { hasText: branch.name }).first().waitFor();
  assert.ok(!page.url().includes(branch.id_number), 'a number never stands in an address');
  assert.ok(!(await page.content()).includes(branch.id_number) || await page.inputValue('main input[name=q]') === '', 'nor in the page');
  await look();
  await end();
}

test('a person is found by name and by number', () => find(WITH_SCRIPTS));
test('a person is found without scripts', () => find(WITHOUT));
test('a person is found on a phone', () => find(PHONE));

// ---- hands on the keyboard only ------------------------------------------------------------

test('signing in and approving by keyboard alone', async () => {
  const who = demo.who('committee');
  const { page, end } = await visitor(WITH_SCRIPTS);
  await page.goto(`${demo.base}/login`);
  await tabTo(page, () => document.activeElement.name === 'id_number');
  await page.keyboard.type(who.id_number);
  await page.keyboard.press('Tab');
  await page.keyboard.type(who.password);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/me');
  await tabTo(page, () => document.activeElement.closest('main') && /^\/o\//.test(document.activeElement.getAttribute('href') || ''));
  await page.keyboard.press('Enter');
  await page.waitForURL('**/o/**');
  await tabTo(page, () => (document.activeElement.getAttribute('href') || '').endsWith('/inbox'));
  await page.keyboard.press('Enter');
  await page.waitForURL('**/inbox');
  await heading(page, '操作中心');
  await end();
});

/** Presses Tab until the question about the focused element is answered with yes. */
async function tabTo(page, question) {
  for (let n = 0; n < 80; n += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(question)) return;
  }
  assert.fail(`not reached by keyboard: ${question}`);
}

test('a transfer is decided by keyboard', () => transfer(WITH_SCRIPTS, true));
