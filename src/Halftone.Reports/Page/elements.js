// Elements, numbers and tables. Text from the model enters the page as text nodes and attributes alone, never as markup.
const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value === true ? '' : value);
  node.append(...children.flat(Infinity).filter(c => c !== null && c !== undefined).map(c => c instanceof Node ? c : document.createTextNode(String(c))));
  return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// JSON writes what is not finite as a word
const number = v => v === null || v === undefined ? NaN : Number(v);
const fixed = (v, digits) => Number.isFinite(number(v)) ? number(v).toFixed(digits).replace('-', '−') : number(v) === Infinity ? '∞' : '–';
const signed = (v, digits) => (number(v) > 0 ? '+' : '') + fixed(v, digits);
const percent = (v, digits = 1) => fixed(100 * v, digits) + ' %';
const decibels = v => number(v) === Infinity ? 'exact' : Number.isFinite(number(v)) ? fixed(v, 1) + ' dB' : '–';
const count = v => number(v).toLocaleString('en-US');
const short = v => Number.isFinite(number(v)) ? Number(number(v).toPrecision(4)).toString().replace('-', '−') : '–';
const milliseconds = v => fixed(v, v >= 100 ? 0 : v >= 10 ? 1 : 3) + ' ms';
function bytes(v) {
  let power = 0;
  for (v = number(v); v >= 1024 && power < 4; power++) v /= 1024;
  return (power === 0 ? v : Number(v.toFixed(1)).toLocaleString('en-US')) + ' ' + ['B', 'KB', 'MB', 'GB', 'TB'][power];
}

// a column: title, of(row) to sort by; show(row) where it reads otherwise; kind: num, name or text; share(row) for a bar in the cell, css(row) for its colour
function table(columns, rows, { label, foot, picked }) {
  const body = el('tbody');
  const cells = (column, row) => [column.share ? el('td', { class: 'track', 'aria-hidden': 'true' }, bar(column.share(row), column.css?.(row))) : null,
    el('td', { class: column.kind ?? null }, (column.show ?? column.of)(row))];
  const lines = rows.map(row => ({ row, line: el('tr', picked?.(row) ? { class: 'picked' } : {}, columns.flatMap(c => cells(c, row))) }));
  const fillBody = () => body.replaceChildren(...lines.filter(l => !l.hidden).map(l => l.line));
  const heads = columns.map((column, i) => {
    const head = el('th', { scope: 'col', class: column.kind === 'num' ? 'num' : null, colspan: column.share ? 2 : null });
    if (rows.length < 2) return fill(head, {}, [column.title]);
    const button = el('button', { type: 'button' }, column.title);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === (column.kind === 'num' ? 'descending' : 'ascending') ? column.kind !== 'num' : column.kind === 'num';
      heads.forEach(h => h.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      lines.sort((a, b) => compare(column.of(a.row), column.of(b.row), down));
      fillBody();
    });
    return fill(head, {}, [button]);
  });
  fillBody();
  const long = rows.length > 14;
  const box = el('div', { class: 'table' + (long ? ' long' : ''), tabindex: '0', role: 'region', 'aria-label': label },
    el('table', {}, el('thead', {}, el('tr', {}, heads)), body, foot ? el('tfoot', {}, el('tr', {}, foot.map((f, i) => el('td', { class: columns[i].kind ?? null, colspan: columns[i].share ? 2 : null }, f)))) : null));
  return long ? el('div', {}, filter(lines, fillBody, label), box) : box;
}
function bar(share, css) {
  const inner = el('i', { class: css });
  inner.hidden = !(share > 0);
  inner.style.width = Math.max(0, Math.min(100, 100 * share)) + '%'; // through the object model, which the page's policy allows
  return inner;
}
function compare(a, b, down) {
  const [x, y] = [a, b].map(v => typeof v === 'string' && !/^(NaN|-?Infinity)$/.test(v) ? v : number(v));
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // unknown ones stay last
  const order = typeof x === 'string' && typeof y === 'string' ? x.localeCompare(y, 'en', { numeric: true }) : x < y ? -1 : x > y ? 1 : 0;
  return down ? -order : order;
}
function filter(lines, changed, label) {
  const input = el('input', { type: 'search', placeholder: 'filter', 'aria-label': 'filter ' + label });
  const shown = el('span', { class: 'soft', 'aria-live': 'polite' }, lines.length + ' rows');
  input.addEventListener('input', () => {
    const wanted = input.value.toLowerCase();
    for (const l of lines) l.hidden = !l.line.textContent.toLowerCase().includes(wanted);
    shown.textContent = `${lines.filter(l => !l.hidden).length} of ${lines.length} rows`;
    changed();
  });
  return el('div', { class: 'controls' }, input, shown);
}
function definitions(pairs) {
  return el('dl', {}, pairs.filter(p => p[1] !== null && p[1] !== undefined && p[1] !== '').map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}
const root = document.getElementById('report');
const name = text => el('span', { class: 'name' }, text);
function section(id, title, ...children) {
  root.append(el('section', { id, 'aria-labelledby': id + '-title' }, el('h2', { id: id + '-title' }, title), ...children));
}

// when all is drawn; on paper everything is open, and drawn for the paper's width by the pictures' own scale
function ready() {
  let closed = [];
  addEventListener('beforeprint', () => { closed = [...document.querySelectorAll('details:not([open])')]; closed.forEach(d => { d.open = true; }); });
  addEventListener('afterprint', () => closed.forEach(d => { d.open = false; }));
  requestAnimationFrame(() => requestAnimationFrame(() => { document.body.dataset.ready = 'true'; }));
}
