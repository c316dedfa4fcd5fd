// Charts in SVG, drawn at the width they have, so that text keeps its size on a phone.
function chart(label, draw, attributes) {
  const host = el('div', { class: 'chart', ...attributes });
  let width = 0;
  host.redraw = () => {
    const drawn = draw(width || 900);
    drawn.setAttribute('viewBox', `0 0 ${width || 900} ${drawn.dataset.height}`);
    drawn.setAttribute('role', 'img');
    drawn.setAttribute('aria-label', typeof label === 'function' ? label() : label);
    host.replaceChildren(drawn);
  };
  new ResizeObserver(() => {
    if (host.clientWidth > 0 && host.clientWidth !== width) {
      width = host.clientWidth;
      host.redraw();
    }
  }).observe(host);
  return host;
}

// float above quantized, for a card
function pair(before, after, unit) {
  const most = Math.max(before, after, 1e-12);
  return svg('svg', { viewBox: '0 0 160 16', height: 16, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${unit}: float ${short(before)}, quantized ${short(after)}` },
    svg('rect', { x: 0, y: 0, width: Math.max(1, 160 * before / most), height: 6, class: 'bar float' }),
    svg('rect', { x: 0, y: 9, width: Math.max(1, 160 * after / most), height: 6, class: 'bar' }));
}

// points with 95 % intervals: rows of name, value, low, high, css; zero draws a line at 0
function whiskers(label, rows, unit, zero) {
  return chart(label, width => {
    const left = 92, right = 96, row = 28, height = rows.length * row + 22;
    const ends = rows.flatMap(r => [r.low, r.high, r.value]).map(number).filter(Number.isFinite).concat(zero ? [0] : []);
    const spread = Math.max(...ends) - Math.min(...ends) || Math.abs(ends[0]) * .01 || 1;
    const [low, high] = [Math.min(...ends) - .06 * spread, Math.max(...ends) + .06 * spread];
    const x = v => left + (width - left - right) * (number(v) - low) / (high - low);
    const picture = svg('svg', { 'data-height': height });
    if (zero) picture.append(svg('line', { x1: x(0), x2: x(0), y1: 2, y2: height - 18, class: 'zero' }));
    rows.forEach((r, i) => {
      const y = i * row + 15;
      picture.append(svg('text', { x: left - 10, y: y + 4, 'text-anchor': 'end' }, r.name));
      if (Number.isFinite(number(r.low))) picture.append(svg('line', { x1: x(r.low), x2: x(r.high), y1: y, y2: y, class: 'whisker ' + r.css }));
      picture.append(svg('circle', { cx: x(r.value), cy: y, r: 5, class: 'dot ' + r.css }), svg('text', { x: width - right + 8, y: y + 4, class: 'strong' }, r.text));
    });
    const base = height - 18;
    picture.append(svg('line', { x1: left, x2: width - right, y1: base, y2: base, class: 'axis' }));
    for (const [v, anchor] of [[low, 'start'], [high, 'end']]) picture.append(svg('text', { x: x(v), y: base + 14, 'text-anchor': anchor }, fixed(v, 2) + unit));
    return picture;
  });
}

// one column a value, in the graph's order
function profile(label, rows, unit, isLow, tell) {
  return chart(label, width => {
    const left = 40, height = 190, base = height - 8, finite = rows.map(r => r.value).filter(Number.isFinite);
    const most = Math.max(...finite, 1), least = Math.min(...finite, 0), y = v => 8 + (base - 8) * (1 - (Math.min(v, most) - least) / (most - least));
    const step = (width - left) / rows.length;
    const picture = svg('svg', { 'data-height': height });
    for (const v of [...new Set([least, 0, most / 2, most])]) picture.append(svg('line', { x1: left, x2: width, y1: y(v), y2: y(v), class: 'axis' }), svg('text', { x: left - 6, y: y(v) + 4, 'text-anchor': 'end' }, fixed(v, 0)));
    rows.forEach((r, i) => {
      const value = Number.isNaN(r.value) ? 0 : Math.max(least, r.value), top = Math.min(y(value), y(0));
      const column = svg('rect', { x: left + i * step, y: top, width: Math.max(.5, step > 4 ? step - 1.5 : step * .9), height: Math.max(1, Math.abs(y(0) - y(value))), class: 'bar' + (isLow(r.value) ? ' low' : '') },
        svg('title', {}, `${r.name}: ${decibels(r.value)}`));
      column.addEventListener('pointerenter', () => tell(`${r.name}: ${decibels(r.value)}`));
      picture.append(column);
    });
    return picture;
  });
}

// the histogram of a value under the ranges of all methods, the chosen one among them
function histogram(edge, logarithmic, rangeMethod, tell) {
  return width => {
    const narrow = width < 560, left = narrow ? 96 : 138, right = 12, lane = 16, plot = 210;
    const lanes = [{ method: 'chosen', low: edge.clipLow, high: edge.clipHigh, chosen: true }, ...edge.alternatives];
    const top = lanes.length * lane + 14, base = top + plot, total = edge.counts.reduce((a, b) => a + b, 0) || 1;
    const end = edge.lowest + edge.binWidth * edge.counts.length;
    const low = Math.min(edge.lowest, ...lanes.map(l => number(l.low)).filter(Number.isFinite)), high = Math.max(end, low + 1e-30, ...lanes.map(l => number(l.high)).filter(Number.isFinite));
    const x = v => left + (width - left - right) * (Math.max(low, Math.min(high, number(v))) - low) / (high - low);
    const level = c => logarithmic ? Math.log10(1 + c) : c, most = Math.max(...edge.counts.map(level), 1e-9), y = c => base - plot * level(c) / most;
    const picture = svg('svg', { 'data-height': base + 26, tabindex: '0' });
    picture.append(svg('rect', { x: x(edge.clipLow), y: top, width: Math.max(1, x(edge.clipHigh) - x(edge.clipLow)), height: plot, class: 'inside' }));
    const bars = edge.counts.map((c, i) => {
      const from = x(edge.lowest + i * edge.binWidth), to = x(edge.lowest + (i + 1) * edge.binWidth);
      return svg('rect', { x: from, y: y(c), width: Math.max(.6, to - from - (to - from > 3 ? .6 : 0)), height: base - y(c), class: 'bar float' });
    });
    picture.append(...bars);
    const most10 = Math.max(...edge.counts);
    for (const c of logarithmic ? [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9].filter(v => v <= most10) : [most10 / 2, most10]) picture.append(svg('line', { x1: left - 4, x2: left, y1: y(c), y2: y(c), class: 'axis' }), svg('text', { x: left - 8, y: y(c) + 4, 'text-anchor': 'end' }, c >= 1e4 ? c.toExponential(0).replace('e+', 'e') : count(Math.round(c))));
    lanes.forEach((l, i) => picture.append(rangeLane(l, 10 + i * lane, left, x, l.method === rangeMethod)));
    for (const v of [edge.clipLow, edge.clipHigh]) picture.append(svg('line', { x1: x(v), x2: x(v), y1: 10, y2: base, class: 'clip' }));
    const levels = Math.round((edge.clipHigh - edge.clipLow) / edge.scale);
    if (levels > 0 && levels <= 32) for (let i = 0; i <= levels; i++) picture.append(svg('line', { x1: x(edge.clipLow + i * edge.scale), x2: x(edge.clipLow + i * edge.scale), y1: base, y2: base + 7, class: 'level' }));
    picture.append(svg('line', { x1: left, x2: width - right, y1: base, y2: base, class: 'axis' }));
    const ticks = [[low, 'start'], ...(low < 0 && high > 0 && Math.min(x(0) - x(low), x(high) - x(0)) > 50 ? [[0, 'middle']] : []), [high, 'end']];
    for (const [v, anchor] of ticks) picture.append(svg('text', { x: x(v), y: base + 20, 'text-anchor': anchor }, short(v)));
    cursor(picture, bars, edge, total, width, left, right, low, high, tell);
    return picture;
  };
}
function rangeLane(range, y, left, x, picked) {
  const css = range.chosen ? 'clip' : 'alternative', group = svg('g', { class: picked ? 'picked' : null });
  group.append(svg('text', { x: left - 8, y: y + 4, 'text-anchor': 'end', class: range.chosen || picked ? 'strong' : null }, range.method));
  if (Number.isFinite(number(range.low) + number(range.high))) group.append(svg('path', { d: `M${x(range.low)} ${y - 4}v8M${x(range.low)} ${y}H${x(range.high)}M${x(range.high)} ${y - 4}v8`, class: css }, svg('title', {}, `${range.method}: ${short(range.low)} … ${short(range.high)}`)));
  return group;
}
// the bin under the pointer, or under the arrow keys
function cursor(picture, bars, edge, total, width, left, right, low, high, tell) {
  let at = -1;
  const go = to => {
    bars[at]?.classList.remove('at');
    at = Math.max(-1, Math.min(bars.length - 1, to));
    bars[at]?.classList.add('at');
    const from = edge.lowest + at * edge.binWidth;
    tell(at < 0 ? '' : `${short(from)} … ${short(from + edge.binWidth)}: ${count(edge.counts[at])} values, ${percent(edge.counts[at] / total, 2)}`);
  };
  picture.addEventListener('pointermove', e => {
    const box = picture.getBoundingClientRect(), value = low + (high - low) * ((e.clientX - box.left) * width / box.width - left) / (width - left - right);
    const bin = Math.floor((value - edge.lowest) / edge.binWidth);
    go(bin >= 0 && bin < bars.length ? bin : -1);
  });
  picture.addEventListener('pointerleave', () => go(-1));
  picture.addEventListener('keydown', e => {
    const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[e.key];
    if (step) {
      e.preventDefault();
      go(Math.max(0, at + step));
    }
  });
}

// points of value against size (log), the front of those that no smaller one beats, and a line at a level; what is below the range lies on its floor
function scatter(label, points, { level, floor, unit, tell }) {
  return chart(label, width => {
    const left = 56, right = 16, top = 14, height = 380, base = height - 34;
    const sizes = points.map(p => p.size), values = points.map(p => p.value).concat(Number.isFinite(level) ? [level] : []);
    const [from, to] = [Math.log2(Math.min(...sizes)) - .15, Math.log2(Math.max(...sizes)) + .15], high = Math.max(...values), low = Math.max(Math.min(...values), floor);
    const spread = high - low || Math.abs(high) * .01 || 1, [bottom, ceiling] = [low - .06 * spread, high + .06 * spread];
    const x = size => left + (width - left - right) * (Math.log2(size) - from) / (to - from), y = v => base - (base - top) * (Math.max(v, bottom) - bottom) / (ceiling - bottom);
    const picture = svg('svg', { 'data-height': height });
    picture.append(svg('line', { x1: left, x2: width - right, y1: base, y2: base, class: 'axis' }), svg('line', { x1: left, x2: left, y1: top, y2: base, class: 'axis' }));
    for (let power = Math.ceil(from); power <= to; power++) if (x(2 ** power) < width - right - 20) picture.append(svg('line', { x1: x(2 ** power), x2: x(2 ** power), y1: base, y2: base + 5, class: 'axis' }), svg('text', { x: x(2 ** power), y: base + 20, 'text-anchor': 'middle' }, bytes(2 ** power)));
    for (let i = 0; i <= 4; i++) { const v = low + spread * i / 4; picture.append(svg('text', { x: left - 8, y: y(v) + 4, 'text-anchor': 'end' }, fixed(v, spread < 8 ? 1 : 0) + unit)); }
    if (Number.isFinite(level)) picture.append(svg('line', { x1: left, x2: width - right, y1: y(level), y2: y(level), class: 'zero' }), svg('text', { x: left + 6, y: y(level) - 5 }, 'float'));
    const best = front(points);
    if (best.length) picture.append(svg('path', { d: best.map((p, i) => i ? `H${x(p.size)}V${y(p.value)}` : `M${x(p.size)} ${y(p.value)}`).join('') + `H${width - right}`, class: 'front' }));
    for (const p of points) {
      const text = `${p.name}: ${fixed(p.value, 2)}${unit}, ${bytes(p.size)}`;
      const dot = svg('circle', { cx: x(p.size), cy: y(p.value), r: best.includes(p) ? 6 : 4.5, class: 'dot' + (best.includes(p) ? '' : ' float'), tabindex: '0', 'aria-label': text }, svg('title', {}, text));
      for (const event of ['pointerenter', 'focus']) dot.addEventListener(event, () => tell(text));
      picture.append(dot);
    }
    return picture;
  });
}
// smallest first
function front(points) {
  let most = -Infinity;
  return [...points].sort((a, b) => a.size - b.size || b.value - a.value).filter(p => p.value > most && ((most = p.value), true));
}
