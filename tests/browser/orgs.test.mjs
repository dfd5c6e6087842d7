// Codes for children and what is done with one of them (B.2, B.1), walked in a real browser within
// the click goals of the ten-task table (ux B): the superior issues codes for the children that have
// none, a stranger registers with one, completes the organisation's information and is told so.
// At 360 px by touch and at 1440 px; axe looks at every page on the way.
// Run: node --test tests/browser/orgs.test.mjs

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, context, launch, mistakes, signIn } from './kit.mjs';
import { ask, demonstration } from './program.mjs';

let demo, browser;
before(async () => { [demo, browser] = await Promise.all([demonstration(), launch()]); });
after(async () => { await browser?.close(); await demo?.stop(); });

const PASSWORD = 'huangshan-2026';
let used = 0;

/** A valid ID number that nobody has: born in 2004, of a place where the demonstration has none. */
function freshId() {
  used += 1;
  const first = `6541232004${String(used % 12 + 1).padStart(2, '0')}18${String(200 + used)}`;
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  const sum = [...first].reduce((s, d, i) => s + d * weights[i], 0);
  return first + '10X98765432'[sum % 11];
}

/** A visitor who counts her clicks and the pages that she has to read. */
async function visitor(width, who) {
  const made = await context(browser, { base: demo.base, width });
  const page = await made.newPage();
  page.setDefaultTimeout(20000);
  const errors = mistakes(page);
  const seen = { clicks: 0, pages: new Set() };
  const look = async () => {
    seen.pages.add(new URL(page.url()).pathname);
    const bad = (await axe(page)).filter(v => /\[(serious|critical)\]/.test(v));
    assert.deepEqual(bad, [], `axe on ${page.url()}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${page.url()} is ${wide} px too wide`);
  };
  const press = async target => {
    seen.clicks += 1;
    const at = (typeof target === 'string' ? page.locator(target) : target).first();
    if (width < 768) await at.tap(); else await at.click();
  };
  const end = async () => {
    assert.deepEqual(errors.filter(e => !/status of 4\d\d|Response Status Error Code 4\d\d/.test(e)), []);
    await made.close();
  };
  if (who) await signIn(page, demo.base, who.id_number, who.password);
  return { page, look, press, end, seen };
}

const heading = (page, words) => page.locator('h1, h2', { hasText: words }).first().waitFor();

/** Two new branches below the committee, without codes. */
async function newBranches(who, mark) {
  const made = [];
  for (const n of [1, 2]) {
    const form = {
      short_name: `2027级测试${mark}${n}班团支部`, category: 'BRANCH', industry: 'school_university',
    };
    made.push((await ask(demo.base, who.token, `/o/${who.org}/children/new`, form)).data.code);
  }
  return made;
}

async function walk(width) {
  const superior = demo.who('committee');
  const [first] = await newBranches(superior, width);

  // B.2: codes for all children that have none, in at most 2 pages and 5 clicks.
  const hers = await visitor(width, superior);
  await hers.page.goto(`${demo.base}/o/${superior.org}/children/codes`);
  await heading(hers.page, '管理员注册码');
  await hers.look();
  await hers.press(hers.page.locator('button', { hasText: /为 \d+ 个.*生成注册码/ }));
  await hers.page.waitForURL(/\/codes\/sheets\//);
  await hers.page.locator('a', { hasText: '下载 Excel' }).waitFor();
  await hers.look();
  const download = hers.page.waitForEvent('download');
  await hers.press(hers.page.locator('a', { hasText: '下载 Excel' }));
  assert.match((await download).suggestedFilename(), /\.xlsx$/);
  assert.ok(hers.seen.clicks <= 5 && hers.seen.pages.size <= 2, JSON.stringify([hers.seen.clicks, ...hers.seen.pages]));
  const row = hers.page.locator('tr', { hasText: `测试${width}1班` });
  const message = await row.locator('p').textContent();
  const link = message.match(/\/join\/[A-Z0-9-]+/)?.[0];
  assert.ok(link, message);
  await hers.press(hers.page.locator('a', { hasText: /打印领取单/ }));
  await heading(hers.page, '注册码领取单');
  assert.ok(await hers.page.locator('.slip img').count() > 0, 'slips have a square to photograph');
  await hers.look();
  await hers.end();

  // B.1: one form, then the task list; at most 12 clicks.
  const his = await visitor(width);
  await his.page.goto(demo.base + link);
  await heading(his.page, `测试${width}1班团支部`);
  await his.look();
  await his.press(his.page.locator('a', { hasText: '是我的组织,继续' }));
  await heading(his.page, '填写身份和密码');
  await his.look();
  await his.page.fill('input[name=name]', '欧阳新');
  await his.page.fill('input[name=id_number]', freshId());
  await his.page.fill('input[name=mobile]', `1395512${String(1000 + width)}`);
  await his.page.fill('input[name=password]', PASSWORD);
  await his.page.fill('input[name=password_again]', PASSWORD);
  await his.press(his.page.locator('label', { hasText: '书记' }));
  await his.press('main form button.primary');
  await his.page.waitForURL(new RegExp(`/o/${first}`));
  await his.look();
  assert.match(await his.page.locator('main').innerText(), /已完善|完善组织信息/);
  await his.page.goto(`${demo.base}/o/${first}/info`);
  await heading(his.page, '组织信息');
  await his.look();
  // Whoever registered as 书记 has nothing left to fill in: the code's form asked for all of it.
  await heading(his.page, '组织信息已完善');
  assert.ok(his.seen.clicks <= 12, `${his.seen.clicks} clicks`);
  // The code is spent.
  const late = await visitor(width);
  await late.page.goto(demo.base + link);
  assert.match(await late.page.locator('body').innerText(), /被使用/);
  await late.look();
  await late.end();
  await his.end();
}

test('a superior issues codes and a new administrator registers, on a wide screen', () => walk(1440));
test('the same by touch at 360 px', () => walk(360));
