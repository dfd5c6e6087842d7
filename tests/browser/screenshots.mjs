// The README's pictures: takes them anew from a running demonstration.
// BASE=http://127.0.0.1:PORT DEMO='its JSON line' OUT=docs/screenshots node tests/browser/screenshots.mjs
// Without BASE and DEMO it starts a demonstration itself.

import { context, launch, shot, signIn } from './kit.mjs';
import { ask, demonstration } from './program.mjs';

const OUT = process.env.OUT || 'docs/screenshots';
const demo = await demonstration();
const browser = await launch();
const MOST = 1500;
const written = [];

/** Pictures of one visitor's pages at one width. */
async function pictures(width, who, list) {
  const made = await context(browser, { base: demo.base, width });
  const page = await made.newPage();
  if (who) await signIn(page, demo.base, who.id_number, who.password);
  for (const [name, path, before] of list) {
    await page.goto(demo.base + path);
    if (before) await before(page);
    await page.waitForLoadState('networkidle').catch(() => {});
    // the whole page, within reason, with what sticks to the bottom at the bottom
    const tall = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ width, height: Math.min(Math.max(tall, 740), MOST) });
    written.push(await shot(page, `${name}-${width}`, OUT, { fullPage: false }));
  }
  await made.close();
}

try {
  const [branch, committee, member] = ['branch', 'committee', 'member'].map(demo.who);
  const base = who => `/o/${who.org}`;
  // One import that waits to be put right, as the review's picture.
  const made = await context(browser, { base: demo.base });
  const page = await signIn(await made.newPage(), demo.base, branch.id_number, branch.password);
  await page.goto(`${demo.base}${base(branch)}/imports/new`);
  await page.setInputFiles('input[type=file]', demo.workbook('花名册(45人)'));
  await page.click('main form button.primary');
  await page.waitForURL('**/review**');
  const review = new URL(page.url()).pathname;
  await made.close();
  const waiting = await ask(demo.base, committee.token, `${base(committee)}/inbox`);
  const first = (waiting.rows || [])[0] || (waiting.below || [])[0];
  const inbox = `${base(committee)}/inbox${first ? `?item=${first.no}` : ''}`;
  for (const width of [1440, 360]) {
    await pictures(width, null, [['login', '/login'], ['help', '/help']]);
    await pictures(width, branch, [
      ['branch-home', base(branch)], ['members', `${base(branch)}/members`],
      ['import-new', `${base(branch)}/imports/new`], ['import-review', review],
      ['transfers', `${base(branch)}/transfers`], ['member-new', `${base(branch)}/members/new`],
    ]);
    await pictures(width, committee, [
      ['home', base(committee)], ['inbox', inbox], ['children', `${base(committee)}/children`],
      ['progress', `${base(committee)}/progress/members`], ['picker', `${base(committee)}/picker`],
      ...(first ? [['transfer', `${base(committee)}/t/${first.no}`]] : []),
    ]);
    await pictures(width, member, [['me', '/me'], ['profile', '/me/profile'], ['settings', '/me/settings']]);
  }
  process.stdout.write(`${written.length} pictures in ${OUT}\n`);
} finally {
  await browser.close();
  await demo.stop();
}
