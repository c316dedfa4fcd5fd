// The report's sections: what a reader decides by comes first.
const { outcome, units } = JSON.parse(document.getElementById('data').textContent);
const threads = n => `${n} thread${n === 1 ? '' : 's'}`;
const unitOf = metric => units[metric] ? ' ' + units[metric] : '';
const lossOf = a => (a.higherIsBetter ? -1 : 1) * number(a.difference);
const lowSqnr = 15; // dB: noise of a fifth of the signal, where errors begin to show in outputs
const some = names => { const first = names.slice(0, names.slice(0, 3).join().length > 120 ? 1 : 3); return first.join(', ') + (names.length > first.length ? ', …' : ''); };
const isLow = v => number(v) < lowSqnr;

// --- what it comes to

function header() {
  const o = outcome, [mark, word] = { good: ['✓', 'Good'], 'goal-missed': ['!', 'Goal missed'], failed: ['✕', 'Failed'] }[o.status] ?? ['', o.status];
  const kept = { 'goal-missed': 'The model was written all the same.', failed: 'The model was set aside; do not deploy it.' }[o.status];
  root.append(
    el('h1', {}, o.float.file, ' → ', o.quantized.file),
    el('p', { class: 'soft' }, `recipe ${o.recipe.name} for ${o.target}` + (o.rangeMethod ? `, ranges by ${o.rangeMethod}` : '')),
    el('div', { class: 'verdict ' + o.status, id: 'verdict' },
      el('span', { class: 'word' }, el('span', { 'aria-hidden': 'true' }, mark + ' '), word), el('p', { class: 'why' }, sentence(o.reason)), kept ? el('p', { class: 'soft' }, kept) : null,
      o.nextActions.length ? [el('h3', {}, 'What to do next'), el('ol', { id: 'next' }, o.nextActions.map(a => el('li', {}, a)))] : null,
      o.warnings.length ? [el('h3', {}, 'Mind'), el('ul', { id: 'warnings' }, o.warnings.map(w => el('li', {}, w)))] : null),
    el('div', { class: 'cards' }, accuracyCards(), sizeCard(), speedCard(), engineCard(), outputCard(), kernelCard()));
}
const sentence = text => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
const card = (what, value, css, picture, ...note) => el('div', { class: 'card' }, el('div', { class: 'what' }, what), el('div', { class: 'value is-' + css }, value), picture, el('div', { class: 'note' }, ...note));

function accuracyCards() {
  if (outcome.accuracy.length === 0) return outcome.status === 'failed' ? [] : [card('accuracy', 'not measured', 'soft', null, 'give samples with labels or targets to know it')];
  return outcome.accuracy.map(a => card(a.metric, fixed(a.quantized, 2) + unitOf(a.metric), lossOf(a) > 1.96 * number(a.standardError) ? 'warn' : 'good', pair(number(a.float), number(a.quantized), a.metric),
    `${signed(a.difference, 2)} ± ${fixed(a.standardError, 2)} against float ${fixed(a.float, 2)}${unitOf(a.metric)}, ${count(a.samples)} samples`));
}
function sizeCard() {
  const [before, after] = [outcome.float.bytes, outcome.quantized.bytes];
  return card('size', bytes(after), '', pair(before, after, 'bytes'), (after < before ? `${fixed(before / after, 2)}× smaller than ${bytes(before)}` : `${fixed(after / before, 2)}× the ${bytes(before)} of float`) + (outcome.codedBytes == null ? '' : `; coded ${bytes(outcome.codedBytes)}`));
}
function speedCard() {
  const l = outcome.latency;
  if (!l) return null;
  const faster = l.ratioLow > 1, slower = l.ratioHigh < 1;
  return card('speed', faster ? `${fixed(l.ratio, 2)}× faster` : slower ? `${fixed(1 / l.ratio, 2)}× slower` : 'as fast as float', faster ? 'good' : slower ? 'bad' : '', pair(l.float, l.quantized, 'ms'),
    `${milliseconds(l.float)} → ${milliseconds(l.quantized)}, ${threads(l.threads)}`);
}
function engineCard() {
  const l = outcome.engine?.latency;
  if (!l) return outcome.engine?.obstacle ? card('Halftone’s engine', 'does not run it', 'warn', null, outcome.engine.obstacle) : null;
  const faster = l.ratioLow > 1, slower = l.ratioHigh < 1;
  return card('Halftone’s engine', faster ? `${fixed(l.ratio, 2)}× faster` : slower ? `${fixed(1 / l.ratio, 2)}× slower` : 'as fast', faster ? 'good' : slower ? 'bad' : '', null,
    `${milliseconds(l.engine)} against ${milliseconds(l.onnxRuntime)} in ONNX Runtime, ${threads(l.threads)}`);
}
function outputCard() {
  const a = outcome.agreement;
  return !a ? card('outputs', 'not compared', 'soft', null, 'give data to compare them with the float model') : card('output SQNR', decibels(a.sqnr), isLow(a.sqnr) ? 'bad' : '', null,
    (a.argmaxAgreement == null ? `on ${count(a.samples)} samples` : `same largest output on ${percent(a.argmaxAgreement)} of ${count(a.samples)} samples`) + (outcome.canary ? `; plain min/max: ${decibels(outcome.canary.sqnr)}` : ''));
}
const kernelWord = { 'weight-only': 'kernels with few-bit weights' }[outcome.recipe.mode] ?? 'integer kernels';
function kernelCard() {
  if (!outcome.fusion.length || outcome.recipe.mode === 'float16') return null;
  return card(kernelWord, `${outcome.fusion.filter(f => f.fused).length} of ${outcome.fusion.length}`, '', null, outcome.float.macs > 0 ? `${percent(outcome.fusedMacs)} of the multiply-accumulates` : 'nodes');
}
function contents() {
  const links = [...root.querySelectorAll('section')].map(s => el('a', { href: '#' + s.id }, s.querySelector('h2').textContent));
  root.querySelector('.cards').after(el('nav', { 'aria-label': 'contents' }, links));
}

// --- what was measured

function accuracy() {
  if (!outcome.accuracy.length) return;
  const interval = (low, high) => Number.isFinite(number(low)) ? `${fixed(low, 2)} … ${fixed(high, 2)}` : '–';
  section('accuracy', 'Accuracy', outcome.accuracy.map(a => {
    const loss = lossOf(a), noise = 1.96 * number(a.standardError), unit = unitOf(a.metric);
    return el('div', {}, el('h3', {}, a.metric + (a.higherIsBetter ? '' : ' (lower is better)')),
      whiskers(`${a.metric} of both models with 95 % intervals`, [
        { name: 'float', value: a.float, low: a.floatLow, high: a.floatHigh, css: 'float', text: fixed(a.float, 2) + unit },
        { name: 'quantized', value: a.quantized, low: a.quantizedLow, high: a.quantizedHigh, css: '', text: fixed(a.quantized, 2) + unit }], unit, false),
      whiskers(`difference of ${a.metric} on the same samples, with its 95 % interval`, [
        { name: 'difference', value: a.difference, low: a.difference - noise, high: a.difference + noise, css: '', text: signed(a.difference, 2) + unit }], unit, true),
      el('p', {}, `On the same ${count(a.samples)} samples the difference is ${signed(a.difference, 2)} with a standard error of ${fixed(a.standardError, 2)}: `,
        Math.abs(loss) <= noise ? 'it cannot be told from no change.' : loss > 0 ? el('span', { class: 'is-warn' }, 'a loss, beyond chance (95 %).') : 'a gain, beyond chance (95 %).'));
  }), table([
    { title: 'metric', of: a => a.metric },
    { title: 'float', of: a => a.float, show: a => fixed(a.float, 2), kind: 'num' }, { title: '95 % interval', of: a => a.floatLow, show: a => interval(a.floatLow, a.floatHigh), kind: 'num' },
    { title: 'quantized', of: a => a.quantized, show: a => fixed(a.quantized, 2), kind: 'num' }, { title: '95 % interval', of: a => a.quantizedLow, show: a => interval(a.quantizedLow, a.quantizedHigh), kind: 'num' },
    { title: 'paired difference', of: a => a.difference, show: a => signed(a.difference, 3), kind: 'num' }, { title: 'standard error', of: a => a.standardError, show: a => fixed(a.standardError, 3), kind: 'num' },
    { title: 'samples', of: a => a.samples, show: a => count(a.samples), kind: 'num' }], outcome.accuracy, { label: 'accuracy' }));
}
function outputs() {
  if (!outcome.agreement) return;
  const rows = [{ what: 'this result', ...outcome.agreement }, ...(outcome.canary ? [{ what: 'plain min/max', ...outcome.canary }] : [])];
  section('outputs', 'Outputs against the float model', table([
    { title: 'model', of: r => r.what }, { title: 'SQNR of the worst output', of: r => r.sqnr, show: r => decibels(r.sqnr), kind: 'num' }, { title: 'cosine', of: r => r.cosine, show: r => fixed(r.cosine, 5), kind: 'num' },
    { title: 'same largest output', of: r => r.argmaxAgreement, show: r => r.argmaxAgreement == null ? '' : percent(r.argmaxAgreement), kind: 'num' }, { title: 'samples', of: r => r.samples, show: r => count(r.samples), kind: 'num' }], rows, { label: 'outputs' }),
  outcome.rangeTrials.length > 1 ? [el('h3', {}, 'Range methods tried'), table([
    { title: 'method', of: t => t.method, show: t => t.method + (t.method === outcome.rangeMethod ? ' (chosen)' : '') },
    { title: 'output SQNR', of: t => t.sqnr, show: t => decibels(t.sqnr), kind: 'num', share: t => number(t.sqnr) / Math.max(...outcome.rangeTrials.map(r => number(r.sqnr)).filter(Number.isFinite), 1), css: t => t.method === outcome.rangeMethod ? '' : 'float' },
    { title: 'same largest output', of: t => t.argmaxAgreement, show: t => t.argmaxAgreement == null ? '' : percent(t.argmaxAgreement), kind: 'num' }], outcome.rangeTrials, { label: 'range methods tried', picked: t => t.method === outcome.rangeMethod })] : null);
}
const legend = () => el('p', { class: 'soft' }, el('span', { class: 'key float' }), 'float', el('span', { class: 'key' }), 'quantized');
const twoBars = (title, before, after, show, rows) => {
  const most = Math.max(...rows.flatMap(r => [before(r), after(r)]), 1e-12);
  return [{ title: title[0], of: before, show: r => show(before(r)), kind: 'num', share: r => before(r) / most, css: () => 'float' }, { title: title[1], of: after, show: r => show(after(r)), kind: 'num', share: r => after(r) / most }];
};
function sizes() {
  if (!outcome.sizes.length) return;
  const sum = f => outcome.sizes.reduce((total, s) => total + f(s), 0);
  const rest = { what: 'graph, names and the rest of the file', before: Math.max(0, outcome.float.bytes - sum(s => s.before)), after: Math.max(0, outcome.quantized.bytes - sum(s => s.after)), coded: outcome.codedBytes == null ? null : Math.max(0, outcome.codedBytes - sum(s => s.coded)), why: '' };
  const rows = [...outcome.sizes, rest], coded = outcome.codedBytes != null, explained = rows.some(r => r.why);
  section('size', 'Size', legend(), table([
    { title: 'what', of: s => s.what }, ...twoBars(['before', 'deployed'], s => s.before, s => s.after, bytes, rows),
    ...(coded ? [{ title: 'coded', of: s => s.coded, show: s => bytes(s.coded), kind: 'num' }] : []),
    { title: 'share of the result', of: s => s.after, show: s => percent(s.after / outcome.quantized.bytes), kind: 'num' }, ...(explained ? [{ title: 'why', of: s => s.why, kind: 'text' }] : [])],
  rows, { label: 'size', foot: ['file', bytes(outcome.float.bytes), bytes(outcome.quantized.bytes), ...(coded ? [bytes(outcome.codedBytes)] : []), '100.0 %', ...(explained ? [''] : [])] }),
  coded ? el('p', { class: 'soft' }, 'Deployed bytes are those of the ONNX file; coded bytes are those of the archive that “halftone pack” makes of it, from which the file comes back bit by bit: each tensor under an entropy code of its own, the rest by Brotli.') : null);
}
function latency() {
  const l = outcome.latency, times = outcome.operatorTimes;
  if (!l && !times.length) return;
  const sum = f => times.reduce((total, t) => total + f(t), 0);
  section('latency', 'Latency',
    l ? el('p', {}, `${milliseconds(l.float)} became ${milliseconds(l.quantized)} (medians of ${count(l.rounds)} runs in turns, batch 1, ${threads(l.threads)}): ${fixed(l.ratio, 2)} times the speed, 90 % interval ${fixed(l.ratioLow, 2)} to ${fixed(l.ratioHigh, 2)}.`) : null,
    times.length ? [legend(), table([{ title: 'operator', of: t => t.op, kind: 'name' }, ...twoBars(['float', 'quantized'], t => t.float, t => t.quantized, v => v === 0 ? '–' : milliseconds(v), times)],
      times, { label: 'latency by operator', foot: ['all operators', milliseconds(sum(t => t.float)), milliseconds(sum(t => t.quantized))] }),
    el('p', { class: 'soft' }, 'Times of operators come from a profiled run, which is slower than the runs above.')] : null);
}
function engine() {
  const e = outcome.engine, l = e?.latency;
  if (!e) return;
  if (e.obstacle) return section('engine', 'Halftone’s engine', el('p', {}, 'Halftone’s engine does not run this model: ' + sentence(e.obstacle) + ' ONNX Runtime does.'));
  section('engine', 'Halftone’s engine',
    l ? el('p', {}, `The result takes ${milliseconds(l.onnxRuntime)} in ONNX Runtime and ${milliseconds(l.engine)} in Halftone’s engine with its ${e.tier} kernels (medians of ${count(l.rounds)} runs in turns, batch 1, ${threads(l.threads)}): ${fixed(l.ratio, 2)} times the speed, 90 % interval ${fixed(l.ratioLow, 2)} to ${fixed(l.ratioHigh, 2)}.`) : null,
    e.outputs.length ? [el('p', {}, `Its outputs against those of ONNX Runtime, on ${count(e.samples)} samples:`), table([{ title: 'output', of: o => o.output, kind: 'name' },
      { title: 'largest difference', of: o => o.largest, show: o => number(o.largest) === 0 ? 'none' : short(o.largest), kind: 'num' }, { title: 'in steps', of: o => o.steps, show: o => o.steps == null ? '' : short(o.steps), kind: 'num' },
      { title: 'of the largest value', of: o => o.relative, show: o => percent(o.relative, 4), kind: 'num' }, { title: 'same largest entry', of: o => o.argmaxAgreement, show: o => o.argmaxAgreement == null ? '' : percent(o.argmaxAgreement), kind: 'num' }],
    e.outputs, { label: 'outputs of the engine' })] : null);
}
function kernels() {
  if (!outcome.fusion.length) return;
  const missed = outcome.fusion.filter(f => !f.fused), groups = Map.groupBy?.(missed, f => f.why) ?? missed.reduce((m, f) => m.set(f.why, [...(m.get(f.why) ?? []), f]), new Map());
  const macs = { title: 'MACs', of: f => f.macs, show: f => f.macs ? count(f.macs) : '–', kind: 'num' };
  const reasons = [...groups].map(([why, nodes]) => ({ why, nodes: nodes.length, macs: nodes.reduce((s, f) => s + f.macs, 0), names: some(nodes.map(f => f.node)) }));
  const kept = Object.entries(outcome.keptFloat);
  const lead = { float16: 'This recipe stores weights in 16 bits and computes in floats: no integer kernels are expected.', 'weight-only': 'This recipe stores weights in few bits; activations stay float.' }[outcome.recipe.mode];
  section('kernels', 'Kernels', lead ? el('p', {}, lead) : null,
    outcome.recipe.mode === 'float16' ? null : el('p', {}, `${outcome.fusion.length - missed.length} of ${outcome.fusion.length} nodes became ${kernelWord} in ONNX Runtime` + (outcome.float.macs > 0 ? `, with ${percent(outcome.fusedMacs)} of the multiply-accumulates.` : '.')),
    reasons.length ? [el('h3', {}, 'Why the others did not'), table([{ title: 'why', of: r => r.why, kind: 'text' }, { title: 'nodes', of: r => r.nodes, kind: 'num' }, macs, { title: 'such as', of: r => r.names, kind: 'name' }], reasons, { label: 'reasons' })] : null,
    el('details', {}, el('summary', {}, `all ${outcome.fusion.length} nodes`), table([
      { title: 'node', of: f => f.node, kind: 'name' }, { title: 'operator', of: f => f.op }, macs, { title: 'runs as', of: f => f.kernel }, { title: 'in integers', of: f => f.fused ? 'yes' : 'no' }, { title: 'why not', of: f => f.why, kind: 'text' }], outcome.fusion, { label: 'nodes' })),
    kept.length ? el('details', {}, el('summary', {}, `${kept.length} nodes left in float by recipe and target`), table([{ title: 'node', of: k => k[0], kind: 'name' }, { title: 'why', of: k => k[1], kind: 'text' }], kept, { label: 'nodes left in float' })) : null);
}
function layers() {
  if (!outcome.layers.length) return;
  let before = NaN;
  const rows = outcome.layers.map((l, i) => {
    const value = number(l.sqnr), change = value - before;
    before = value;
    return { place: i + 1, name: `${l.op} ${l.value}`, ...l, value, change, made: l.value };
  });
  const told = el('p', { class: 'readout', 'aria-live': 'polite' }), most = Math.max(...rows.map(r => r.value).filter(Number.isFinite), 1);
  section('layers', 'Error along the graph', el('p', { class: 'soft' }, `SQNR of each value against the float model, all errors before it included. `, el('span', { class: 'key low' }), `under ${lowSqnr} dB`),
    profile('SQNR along the graph', rows, 'dB', isLow, text => told.replaceChildren(text)), told,
    table([{ title: '#', of: r => r.place, kind: 'num' }, { title: 'operator', of: r => r.op }, { title: 'value', of: r => r.made, kind: 'name' },
      { title: 'SQNR', of: r => r.value, show: r => decibels(r.value), kind: 'num', share: r => r.value === Infinity ? 1 : r.value / most, css: r => isLow(r.value) ? 'low' : '' },
      { title: 'change', of: r => r.change, show: r => Number.isFinite(r.change) ? signed(r.change, 1) + ' dB' : '–', kind: 'num' }], rows, { label: 'SQNR by layer' }));
}

// --- what was chosen

function ranges() {
  const edges = outcome.edges;
  if (!edges.length) return;
  const choice = el('select', { id: 'edge', 'aria-label': 'value' }, edges.map((e, i) => el('option', { value: i }, e.value)));
  const scale = [['linear', false], ['log', true]].map(([word, checked]) => el('label', {}, el('input', { type: 'radio', name: 'scale', value: word, checked }), ' ' + word));
  const step = (word, by) => {
    const button = el('button', { type: 'button' }, word);
    button.addEventListener('click', () => { choice.selectedIndex = (choice.selectedIndex + by + edges.length) % edges.length; show(); });
    return button;
  };
  const told = el('p', { class: 'readout', 'aria-live': 'polite' }), facts = el('div', { id: 'clip' });
  const picture = chart(() => `histogram of ${edges[choice.selectedIndex].value} and the ranges of each method`,
    width => histogram(edges[choice.selectedIndex], document.querySelector('input[name=scale]:checked').value === 'log', outcome.rangeMethod, text => told.replaceChildren(text))(width), { id: 'histogram' });
  const show = () => { told.replaceChildren(); picture.redraw(); facts.replaceChildren(clips(edges[choice.selectedIndex])); };
  choice.addEventListener('change', show);
  scale.forEach(s => s.addEventListener('change', show));
  section('ranges', 'Values and their clips', el('div', { class: 'controls' }, choice, edges.length > 1 ? [step('previous', -1), step('next', 1)] : null, el('fieldset', { 'aria-label': 'counts' }, 'counts', scale)),
    el('p', { class: 'soft' }, el('span', { class: 'key float' }), 'calibration values', el('span', { class: 'key' }), 'the clip chosen', el('span', { class: 'key alt' }), 'what other methods would choose'), picture, told, facts);
  facts.replaceChildren(clips(edges[0]));
}
function clips(edge) {
  const total = edge.counts.reduce((a, b) => a + b, 0) || 1;
  const outside = (low, high) => edge.counts.reduce((sum, c, i) => { const centre = edge.lowest + (i + .5) * edge.binWidth; return sum + (centre < low - edge.binWidth / 2 || centre > high + edge.binWidth / 2 ? c : 0); }, 0) / total;
  const rows = [{ method: 'chosen', low: edge.clipLow, high: edge.clipHigh, clipped: edge.clippedShare }, ...edge.alternatives.map(a => ({ ...a, clipped: outside(number(a.low), number(a.high)) }))];
  return el('div', {}, el('p', {}, name(edge.value), `: scale ${short(edge.scale)}, zero point ${edge.zeroPoint}, ${percent(edge.clippedShare, 3)} of the values clipped.`),
    table([{ title: 'range by', of: r => r.method, show: r => r.method + (r.method === outcome.rangeMethod ? ' (the method used)' : '') }, { title: 'low', of: r => r.low, show: r => short(r.low), kind: 'num' }, { title: 'high', of: r => r.high, show: r => short(r.high), kind: 'num' },
      { title: 'values clipped', of: r => r.clipped, show: r => percent(r.clipped, 3), kind: 'num' }], rows, { label: 'ranges', picked: r => r.method === 'chosen' }));
}
function recipe() {
  const r = outcome.recipe, w = r.weights ?? {}, a = r.activations ?? {}, c = outcome.calibration;
  const word = (of, ...rest) => [of.bits ? of.bits + ' bits' : null, of.signed === true ? 'signed' : of.signed === false ? 'unsigned' : null, of.symmetric === true ? 'symmetric' : of.symmetric === false ? 'asymmetric' : null, of.reduceRange ? 'reduced range' : null, ...rest].filter(Boolean).join(', ');
  section('recipe', 'Recipe', definitions([['name', r.name], ['title', r.title], ['source', r.source], ['mode', r.mode], ['target', outcome.target],
    ['weights', r.mode === 'float16' ? '16-bit floats' : word(w, w.method && 'by ' + w.method, w.granularity && 'a scale for each ' + w.granularity + (w.granularity === 'block' ? ' of ' + w.blockSize : ''))],
    ['activations', r.mode === 'static' ? word(a, 'ranges by ' + (outcome.rangeMethod || a.range)) : r.mode === 'dynamic' ? 'ranges of each run' : 'float'],
    ['corrections', (r.corrections ?? []).join(', ')], ['operators', (r.operators ?? []).join(', ')], ['kept float', (r.keepFloat ?? []).map(k => [k.op, k.name && '/' + k.name + '/', k.place].filter(Boolean).join(' ') + (k.reason ? ` (${k.reason})` : '')).join('; ')], ['seed', outcome.seed]]),
  el('details', {}, el('summary', {}, 'complete, as JSON'), el('pre', { tabindex: '0' }, JSON.stringify(r, null, 2))),
  c ? [el('h3', {}, 'Calibration'), definitions([['data', c.data], ['samples', `${count(c.samples)} in ${count(c.batches)} batches` + (c.groups > 1 ? `, ${c.groups} runs a batch for the memory limit` : '')], ['time', milliseconds(c.milliseconds)], ['gathered', bytes(c.bytesPerSample) + ' a sample'], ['left out', c.skipped.length ? c.skipped.join('; ') : null]])] : null,
  outcome.passes.length ? [el('h3', {}, 'Changes that keep the function'), el('ul', {}, outcome.passes.map(p => el('li', {}, p)))] : null);
}
function environment() {
  const model = (word, m) => [[word, el('span', {}, name(m.file), ` ${bytes(m.bytes)}, opset ${m.opset}, ${count(m.nodes)} nodes, ${count(m.parameters)} parameters` + (m.macs ? `, ${count(m.macs)} multiply-accumulates a sample` : ''))], ['SHA-256', name(m.sha256)]];
  section('environment', 'Models and machine', definitions([...model('float model', outcome.float), ...model('quantized model', outcome.quantized), ...Object.entries(outcome.environment)]));
}

document.title = `${outcome.quantized.file} – Halftone report`;
for (const part of [header, accuracy, outputs, sizes, latency, engine, kernels, layers, ranges, recipe, environment]) part();
contents();
ready();
