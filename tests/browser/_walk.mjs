import { context, launch, shot, signIn, axe, mistakes } from './kit.mjs';
import { ask, demonstration } from './program.mjs';
const OUT = '/tmp/biz/shots';
const demo = await demonstration();
const browser = await launch();
const base = who => `/o/${who.org}`;
const log = (...a) => process.stdout.write(a.join(' ') + '\n');
async function see(page, name) {
  await page.waitForLoadState('networkidle').catch(() => {});
  await shot(page, name, OUT);
  const bad = await axe(page);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  log(name, page.url().replace(demo.base, ''), 'axe', JSON.stringify(bad), wide > 0 ? `WIDE ${wide}` : '', (await page.content()).length);
}
try {
  for (const width of [1440, 360]) {
    for (const role of ['committee', 'county', 'branch', 'province']) {
      const who = demo.who(role);
      const made = await context(browser, { base: demo.base, width });
      const page = await signIn(await made.newPage(), demo.base, who.id_number, who.password);
      for (const q of ['', '?type=relocation', '?tab=mine', '?tab=done', '?tab=system', '?type=allocation&from=2020-01-01']) {
        if (role !== 'committee' && q.startsWith('?type=alloc')) continue;
        await page.goto(demo.base + base(who) + '/inbox' + q);
        await see(page, `${role}-inbox${q}-${width}`);
      }
      const inbox = await ask(demo.base, who.token, `${base(who)}/inbox`);
      const rows = [...inbox.rows, ...inbox.below];
      for (const kind of ['transfer', 'relocation']) {
        const row = rows.find(r => r.kind === kind);
        if (row) { await page.goto(`${demo.base}${base(who)}/inbox?item=${row.no}`); await see(page, `${role}-item-${kind}-${width}`); }
      }
      const mine = await ask(demo.base, who.token, `${base(who)}/inbox?tab=mine`);
      const open = mine.rows.find(r => r.waits_for);
      if (open) { await page.goto(demo.base + open.href.replace(/^.*?\/o\//, '/o/')); await see(page, `${role}-own-open-${width}`); }
      await made.close();
    }
  }
  const who = demo.who('committee');
  for (const width of [360, 1440]) {
    const made = await context(browser, { base: demo.base, width });
    const page = await signIn(await made.newPage(), demo.base, who.id_number, who.password);
    const errors = mistakes(page);
    const kids = (await ask(demo.base, who.token, `${base(who)}/children`)).rows;
    const body = kids.find(k => !['BRANCH', 'HOLDING', 'GRADUATE'].includes(k.category));
    const branch = kids.find(k => k.category === 'BRANCH');
    for (const [what, kid] of [['body', body], ['branch', branch]]) {
      if (!kid) { log('no', what); continue; }
      await page.goto(`${demo.base}${base(who)}/children/merge?from=${kid.code}`);
      await see(page, `merge-${what}-${width}`);
      const other = kids.find(k => k.code !== kid.code && (k.category === 'BRANCH') === (kid.category === 'BRANCH') && !['HOLDING', 'GRADUATE'].includes(k.category));
      if (other) { await page.goto(`${demo.base}${base(who)}/children/merge?from=${kid.code}&into=${other.code}`); await see(page, `merge2-${what}-${width}`); }
      await page.goto(`${demo.base}${base(who)}/children/split?from=${kid.code}`);
      await see(page, `split-${what}-${width}`);
      await page.fill('#f-short_name', `新建的${width}团支部`);
      const boxes = page.locator('input[name=picks]:not([disabled])');
      if (await boxes.count() > 1) { await boxes.first().check(); }
      await page.locator('button', { hasText: '下一步:核对' }).last().click();
      await see(page, `split2-${what}-${width}`);
    }
    // decide: approve, undo, return
    const inbox = await ask(demo.base, who.token, `${base(who)}/inbox?type=transfer`);
    for (const row of inbox.rows.slice(0, 1)) {
      await page.goto(`${demo.base}${base(who)}/inbox?item=${row.no}`);
      const select = page.locator('#f-branch');
      if (await select.count()) { const v = await select.locator('option').nth(1).getAttribute('value'); await select.selectOption(v); }
      await page.click('[data-key=a]');
      await see(page, `after-approval-${width}`);
      await page.click('section[aria-label=刚刚办理] button');
      await see(page, `after-undo-${width}`);
      await page.goto(`${demo.base}${base(who)}/inbox?item=${row.no}`);
      await page.click('summary[data-key=r]');
      await page.click('form[action$="/return"] button');
      await see(page, `return-empty-${width}`);
      if (width === 1440) {
        await page.locator('input[name=reason]').first().check();
        await page.click('form[action$="/return"] button');
        await see(page, `returned-${width}`);
        await page.goto(`${demo.base}${base(who)}/inbox?tab=done`);
        await see(page, `done-after-${width}`);
      }
    }
    log('mistakes', JSON.stringify(errors));
    await made.close();
  }
} catch (e) { log('ERROR', e.stack); } finally { await browser.close(); await demo.stop(); }
