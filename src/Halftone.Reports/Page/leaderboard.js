// Many recipes on one model: accuracy against size first, then every number.
const board = JSON.parse(document.getElementById('data').textContent);
const measured = board.rows.filter(r => r.status === 'measured'), others = board.rows.filter(r => r.status !== 'measured');
const unit = board.unit ? ' ' + board.unit : '', metric = board.metric || 'output SQNR';
const valueOf = r => number(board.metric ? r.metric : r.sqnr), better = v => board.higherIsBetter ? v : -v;
const seconds = v => fixed(v, number(v) < 10 ? 1 : 0) + ' s';

function header() {
  root.append(el('h1', {}, board.model, ': recipes compared'), definitions([
    ['float model', bytes(board.deployedBytes) + (board.codedBytes === null ? '' : `, coded ${bytes(board.codedBytes)}`)],
    [metric, board.float === null || !board.metric ? null : `${fixed(board.float, 2)}${unit} in float` + (board.floatLow === null ? '' : ` (95 % interval ${fixed(board.floatLow, 2)} to ${fixed(board.floatHigh, 2)})`)],
    ['measured on', board.measured], ['calibrated on', board.calibrated],
    ['rows', `${count(measured.length)} measured, ${count(others.length)} not` + (board.candidates > board.rows.length ? `, ${count(board.candidates - board.rows.length)} still to come` : '')]]));
}
function plot() {
  if (!measured.length) return;
  const readout = el('p', { class: 'readout', 'aria-live': 'polite' });
  const size = el('select', { id: 'size-kind', 'aria-label': 'size' }, el('option', { value: 'codedBytes' }, 'coded bytes'), el('option', { value: 'deployedBytes' }, 'deployed bytes'));
  const range = el('select', { id: 'range-kind', 'aria-label': 'range' }, el('option', { value: 'near' }, 'near the best'), el('option', { value: 'all' }, 'all'));
  const host = el('figure', { id: 'plot' }), sign = board.higherIsBetter ? '' : ', negated';
  const draw = () => {
    const points = measured.map(r => ({ name: r.name, size: number(r[size.value] ?? r.deployedBytes), value: better(valueOf(r)) })).filter(p => Number.isFinite(p.value) && p.size > 0);
    if (!points.length) return;
    // half of the rows are near; the others lie on the floor
    const sorted = points.map(p => p.value).sort((a, b) => b - a), median = sorted[Math.floor((sorted.length - 1) / 2)];
    const floor = range.value === 'all' ? -Infinity : median - 4 * Math.max(sorted[0] - median, Math.abs(sorted[0]) * .01);
    host.replaceChildren(scatter(`${metric} against size`, points, { level: board.metric && board.float !== null ? better(number(board.float)) : NaN, floor, unit: board.metric ? unit : ' dB', tell: t => { readout.textContent = t; } }));
  };
  for (const s of [size, range]) s.addEventListener('change', draw);
  section('front', `${metric}${sign} against size`, el('p', { class: 'soft' }, el('span', { class: 'key' }), 'no smaller model is as good', el('span', { class: 'key float' }), 'the others; those on the floor lie below it'),
    el('div', { class: 'controls' }, size, range), host, readout);
  draw();
}
function rows() {
  const timed = measured.some(r => r.speed !== null), best = new Set(front(measured.map(r => ({ row: r, size: number(r.codedBytes ?? r.deployedBytes), value: better(valueOf(r)) }))).map(p => p.row));
  const num = (title, of, show) => ({ title, of, show, kind: 'num' });
  section('table', 'Every recipe', table([
    { title: 'recipe', of: r => r.name, show: r => name(r.name), kind: 'name' },
    { title: 'W/A bits', of: r => (r.weightBits ?? 0) + (r.activationBits ?? 32) / 100, show: r => `${r.weightBits ?? '–'}/${r.activationBits ?? 'float'}`, kind: 'num' },
    num('stored bits a weight', r => r.storedBits, r => r.storedBits === null ? '–' : fixed(r.storedBits, 1)),
    ...(board.metric ? [num(metric, r => r.metric, r => fixed(r.metric, 2) + unit), num('against float', r => r.difference, r => `${signed(r.difference, 2)} ± ${fixed(r.standardError, 2)}`)] : []),
    num('output SQNR', r => r.sqnr, r => decibels(r.sqnr)), num('deployed', r => r.deployedBytes, r => bytes(r.deployedBytes)),
    num('coded', r => r.codedBytes, r => r.codedBytes === null ? '–' : bytes(r.codedBytes)), num('integer MACs', r => r.fusedMacs, r => percent(r.fusedMacs)),
    ...(timed ? [num('speed', r => r.speed, r => `${fixed(r.speed, 2)}×`)] : []),
    num('same in the engine', r => r.engineAgreement ?? (r.engineDifference === null ? -1 : 1 - r.engineDifference), r => r.engineObstacle ? el('span', { title: r.engineObstacle }, 'does not run') : r.engineAgreement !== null ? percent(r.engineAgreement) : r.engineDifference === null ? '–' : `within ${number(r.engineDifference).toExponential(1)}`),
    ...(timed ? [num('engine against ONNX Runtime', r => r.engineSpeed, r => r.engineSpeed === null ? '–' : `${fixed(r.engineSpeed, 2)}×`)] : []), num('seconds', r => r.seconds, r => seconds(r.seconds)),
    ...(measured.some(r => r.reason) ? [{ title: 'mind', of: r => r.reason, kind: 'text' }] : [])], measured, { label: 'recipes', picked: r => best.has(r) }));
}
function rest() {
  if (!others.length) return;
  section('others', 'Not measured', table([{ title: 'recipe', of: r => r.name, show: r => name(r.name), kind: 'name' }, { title: '', of: r => r.status }, { title: 'why', of: r => r.reason, kind: 'text' }], others, { label: 'recipes not measured' }));
}

document.title = `${board.model} – Halftone leaderboard`;
for (const part of [header, plot, rows, rest]) part();
section('machine', 'Machine', definitions(Object.entries(board.environment)));
ready();
