// The mechanical part of the 40 checks (ux E.2, rows marked A) on any list of addresses: budgets, no
// sideways scrolling, axe, touch targets, keyboard focus, no full ID numbers, works without scripts.
// BASE=http://127.0.0.1:8080 PATHS=/login,/o/10264471/members COOKIE='sid=…' node tests/browser/ux-check.mjs
// From a test: `const problems = await check({ base, paths, cookie })`.

import { pathToFileURL } from 'node:url';
import { WIDTHS, axe, context, launch, mistakes, shot } from './kit.mjs';

/** Limits of one page, cold cache (ux E.1). Sizes in KB, times in ms. */
export const LIMITS = { htmlKB: 60, transferKB: 300, requests: 12, fcpMs: 1200, cls: 0.1, nodes: 3000 };

/** Slow 4G: 1.6 Mbit/s down, 150 ms round trip; the phone width is measured through it. */
const SLOW = { offline: false, latency: 150, downloadThroughput: 200e3, uploadThroughput: 90e3 };

/**
 * Checks every path at every width and returns one line per problem (none: all is well).
 * Options: base, paths, cookie, widths, shots (folder or "" for none), log (called with a summary
 * line per page and width), limits.
 */
export async function check({ base, paths, cookie = '', widths = WIDTHS, shots = '', log = () => {}, limits = LIMITS }) {
  const browser = await launch();
  const problems = [];
  try {
    for (const path of paths) {
      for (const width of widths) {
        const seen = await look(browser, { base, path, cookie, width, shots });
        for (const words of judge(seen, base, limits)) problems.push(`${path} @${width}: ${words}`);
        log(`${path} @${width} html=${seen.htmlKB.toFixed(1)}KB transfer=${seen.transferKB.toFixed(1)}KB ` +
          `requests=${seen.requests.length} fcp=${seen.fcp.toFixed(0)}ms cls=${seen.cls.toFixed(3)} nodes=${seen.nodes} axe=${seen.axe.length}`);
      }
      const stops = await tabThrough(browser, { base, path, cookie });
      for (const words of judgeKeyboard(stops)) problems.push(`${path} keyboard: ${words}`);
      log(`${path} keyboard stops=${stops.length}`);
    }
  } finally {
    await browser.close();
  }
  return problems;
}

/** Opens one page at one width and measures it. */
async function look(browser, { base, path, cookie, width, shots }) {
  const made = await context(browser, { base, width, cookie });
  try {
    const page = await made.newPage();
    const wire = await made.newCDPSession(page);
    await wire.send('Network.enable');
    if (width < 768) await wire.send('Network.emulateNetworkConditions', SLOW);
    const requests = [];
    let bytes = 0;
    wire.on('Network.requestWillBeSent', e => { if (!e.request.url.startsWith('data:')) requests.push(e.request.url); });
    wire.on('Network.loadingFinished', e => { bytes += e.encodedDataLength; });
    const errors = mistakes(page);
    await page.addInitScript(() => {
      window.shifted = 0;
      new PerformanceObserver(list => {
        for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifted += e.value;
      }).observe({ type: 'layout-shift', buffered: true });
    });
    const answer = await page.goto(base + path, { waitUntil: 'networkidle' });
    const seen = await page.evaluate(measure, width < 768 ? 44 : 24);
    Object.assign(seen, {
      status: answer.status(), htmlKB: (await answer.body()).length / 1024,
      transferKB: bytes / 1024, requests, axe: await axe(page), errors,
    });
    if (shots) await shot(page, `${path}-${width}`, shots);
    return seen;
  } finally {
    await made.close();
  }
}

/** Runs inside the page: everything that can be read from the document. */
function measure(smallest) {
  const box = e => e.getBoundingClientRect();
  const shown = e => box(e).width > 1 && box(e).height > 1 && box(e).right > 0 && box(e).bottom > -window.scrollY;
  // links inside running text and cells have their own exception (WCAG 2.5.8)
  const inText = e => e.tagName === 'A' && ['P', 'LI', 'SPAN', 'TD', 'TH'].includes(e.parentElement?.tagName);
  const name = e => (e.getAttribute('aria-label') || e.textContent || e.id || e.name || '').trim().slice(0, 12);
  const idNumber = /[1-9]\d{5}(19|20)\d{2}(0[1-9]|1[0-2])\d{2}\d{3}[\dXx]/;
  const comments = document.createTreeWalker(document, NodeFilter.SHOW_COMMENT);
  let hidden = '';
  while (comments.nextNode()) hidden += comments.currentNode.data;
  return {
    sideways: document.documentElement.scrollWidth > document.documentElement.clientWidth + 1,
    lang: document.documentElement.lang,
    title: document.title,
    h1: document.querySelectorAll('h1').length,
    main: document.querySelectorAll('main').length,
    fcp: performance.getEntriesByName('first-contentful-paint')[0]?.startTime || 0,
    cls: window.shifted,
    nodes: document.querySelectorAll('*').length,
    small: [...document.querySelectorAll('a,button,summary,select,input:not([type=hidden])')]
      .filter(e => shown(e) && !inText(e) && !e.labels?.length && box(e).height < smallest - 0.5)
      .map(name).slice(0, 6),
    writesOutsideForms: [...document.querySelectorAll('[hx-post],[hx-put],[hx-delete],[hx-patch]')]
      .filter(e => !e.closest('form[action]') && !e.form?.action).length,
    deadLinks: [...document.querySelectorAll('a')].filter(a => !a.getAttribute('href')).length,
    inline: document.querySelectorAll('[style],style,script:not([src])').length,
    idNumber: idNumber.test(document.body.innerText + location.href + hidden),
  };
}

/** What is wrong with a measured page. */
function judge(seen, base, limits) {
  const outside = seen.requests.filter(u => !u.startsWith(base));
  const rules = [
    [seen.status >= 400, `HTTP ${seen.status}`],
    [seen.sideways, 'scrolls sideways'],
    [seen.lang !== 'zh-CN', `lang=${seen.lang}`],
    [!seen.title, 'no title'],
    [seen.h1 !== 1, `${seen.h1} h1`],
    [seen.main !== 1, `${seen.main} main`],
    [seen.htmlKB > limits.htmlKB, `HTML ${seen.htmlKB.toFixed(1)} KB`],
    [seen.transferKB > limits.transferKB, `transfer ${seen.transferKB.toFixed(1)} KB`],
    [seen.requests.length > limits.requests, `${seen.requests.length} requests`],
    [outside.length > 0, `asks other hosts ${outside.length} times`],
    [seen.fcp > limits.fcpMs, `first paint ${seen.fcp.toFixed(0)} ms`],
    [seen.cls > limits.cls, `layout shift ${seen.cls.toFixed(3)}`],
    [seen.nodes > limits.nodes, `${seen.nodes} nodes`],
    [seen.writesOutsideForms > 0, `${seen.writesOutsideForms} htmx writes outside form[action]`],
    [seen.deadLinks > 0, `${seen.deadLinks} links without href`],
    [seen.inline > 0, `${seen.inline} inline styles or scripts`],
    [seen.idNumber, 'a full ID number is on the page'],
    [seen.small.length > 0, `too small to touch: ${seen.small.join(' | ')}`],
  ];
  return [
    ...rules.filter(([bad]) => bad).map(([, words]) => words),
    ...seen.axe.map(v => `axe ${v}`),
    ...seen.errors.map(e => `console ${e.slice(0, 160)}`),
  ];
}

/** Presses Tab up to 60 times and notes where the focus is and whether one can see it. */
async function tabThrough(browser, { base, path, cookie }) {
  const made = await context(browser, { base, cookie });
  try {
    const page = await made.newPage();
    await page.goto(base + path, { waitUntil: 'load' });
    const stops = [];
    // after a refused form the error summary has the focus, so Tab starts inside it
    stops.inSummary = await page.evaluate(() => document.activeElement?.classList.contains('summary'));
    let last = '';
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab');
      const stop = await page.evaluate(() => {
        const e = document.activeElement;
        if (!e || e === document.body) return null;
        const r = e.getBoundingClientRect();
        const ring = el => {
          const s = getComputedStyle(el);
          return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) || s.boxShadow !== 'none';
        };
        const top = document.elementFromPoint(r.x + r.width / 2, r.y + Math.min(r.height / 2, innerHeight / 2));
        const twice = e.dataset.stop !== undefined;
        e.dataset.stop ??= String(Math.random());
        return {
          key: e.dataset.stop,
          name: (e.getAttribute('aria-label') || e.textContent || e.id).trim().slice(0, 14), twice,
          // a tree item draws its ring on its row
          ring: ring(e) || (e.firstElementChild && ring(e.firstElementChild)),
          covered: r.height > 0 && top && !(e.contains(top) || top.contains(e) || [...(e.labels || [])].some(l => l.contains(top))),
        };
      });
      if (stop && stop.key === last) continue; // year and month inside one date field
      if (!stop || stop.twice) break;
      last = stop.key;
      stops.push(stop);
    }
    return stops;
  } finally {
    await made.close();
  }
}

function judgeKeyboard(stops) {
  const problems = [];
  if (!/跳到/.test(stops[0]?.name || '') && !stops.inSummary) problems.push('the first Tab is not 跳到主要内容');
  for (const stop of stops) {
    if (!stop.ring) problems.push(`focus not visible: ${stop.name}`);
    if (stop.covered) problems.push(`focus covered: ${stop.name}`);
  }
  return problems;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const problems = await check({
    base: process.env.BASE || 'http://127.0.0.1:8080',
    paths: (process.env.PATHS || '/login').split(','),
    cookie: process.env.COOKIE || '',
    shots: process.env.SHOTS ?? 'shots',
    log: line => console.log(line),
  });
  for (const line of problems) console.log(`FAIL ${line}`);
  console.log(problems.length ? `${problems.length} problems` : 'all well');
  process.exit(problems.length ? 1 : 0);
}
