// Every page that the menus and the personal tabs lead to, looked at by ux-check: budgets, no sideways
// scrolling, axe, touch targets, keyboard focus, no full numbers; as administrator of a committee and
// of a branch, and as a member. And the input method: composing pinyin asks once.
// Run: node --test tests/browser/pages.test.mjs

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { context, cookieHeader, launch, signIn } from './kit.mjs';
import { demonstration } from './program.mjs';
import { check } from './ux-check.mjs';

let demo, browser;
before(async () => { [demo, browser] = await Promise.all([demonstration(), launch()]); });
after(async () => { await browser?.close(); await demo?.stop(); });

/** Signs in and gives the cookies and every address of the menu. */
async function menuOf(who, start) {
  const made = await context(browser, { base: demo.base });
  const page = await signIn(await made.newPage(), demo.base, who.id_number, who.password);
  await page.goto(demo.base + start);
  const paths = await page.locator('#menu a[href^="/"], header a[href^="/o/"], .drop-box a[href^="/me"]').evaluateAll(
    links => [...new Set(links.map(a => a.getAttribute('href').split('#')[0]))]);
  const cookie = await cookieHeader(made, demo.base);
  await made.close();
  return { paths: paths.filter(p => !p.startsWith('/help')), cookie };
}

/** Looks at pages and expects no fault. */
async function wellMade(paths, cookie, widths) {
  assert.ok(paths.length > 0, 'there are pages to look at');
  const faults = await check({ base: demo.base, paths, cookie, widths });
  assert.deepEqual(faults, []);
}

test('the pages for everybody', () => wellMade(['/login', '/help', '/status', '/about/browser', '/about/accessibility'], '', [360]));

test('the pages of a committee', async () => {
  const who = demo.who('committee');
  const { paths, cookie } = await menuOf(who, `/o/${who.org}`);
  assert.ok(paths.length > 6, `${paths}`);
  await wellMade(paths, cookie, [360, 1440]);
});

test('the pages of a branch', async () => {
  const who = demo.who('branch');
  const { paths, cookie } = await menuOf(who, `/o/${who.org}`);
  await wellMade(paths, cookie, [768]);
});

test('the pages of a member', async () => {
  const who = demo.who('member');
  const { paths, cookie } = await menuOf(who, '/me');
  await wellMade([...paths, '/me/profile', '/me/profile/edit'], cookie, [360]);
});

test('pinyin being composed in the picker asks once, and Enter on a candidate sends nothing', async () => {
  const who = demo.who('committee');
  const made = await context(browser, { base: demo.base });
  const page = await signIn(await made.newPage(), demo.base, who.id_number, who.password);
  const asked = [];
  await page.goto(`${demo.base}/o/${who.org}/picker`);
  page.on('request', r => { if (new URL(r.url()).searchParams.has('q')) asked.push(decodeURIComponent(r.url())); });
  const box = page.locator('main input[name=q]').first();
  await box.focus();
  const wire = await made.newCDPSession(page);
  for (const text of ['h', 'he', 'hefei']) {
    await wire.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
    await page.waitForTimeout(400);
  }
  assert.deepEqual(asked, []);
  await wire.send('Input.insertText', { text: '合肥' });
  await page.waitForTimeout(1500);
  assert.equal(asked.length, 1, `${asked}`);
  assert.ok(asked[0].includes('合肥'));
  await made.close();
});
