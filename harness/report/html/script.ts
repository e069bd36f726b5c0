/** The page's script: filters. Without it everything is shown. */
export const SCRIPT = `'use strict';
document.documentElement.classList.add('scripted');
const form = document.getElementById('filters');
const shown = document.getElementById('shown');
const rows = [...document.querySelectorAll('tr[data-id]')];
const articles = [...document.querySelectorAll('article[data-id]')];
const textOf = new Map([...rows, ...articles].map((one) => [one, (one.dataset.id + ' ' + one.textContent).toLowerCase()]));
function apply() {
  const asked = new FormData(form);
  const words = String(asked.get('text')).toLowerCase().split(/\\s+/).filter(Boolean);
  const tee = asked.get('tee'), severity = asked.get('severity'), outcome = asked.get('outcome');
  const fits = (one) => (tee === '' || one.dataset.tee === tee) && (severity === '' || one.dataset.severity === severity)
    && (outcome === '' || one.dataset.marks.split(' ').includes(outcome)) && words.every((word) => textOf.get(one).includes(word));
  let count = 0;
  for (const one of [...rows, ...articles]) one.hidden = !fits(one);
  for (const one of rows) if (!one.hidden) count++;
  for (const area of document.querySelectorAll('details.area')) area.hidden = !area.querySelector('tr[data-id]:not([hidden])');
  shown.textContent = count + ' of ' + rows.length + ' cases shown';
}
form.addEventListener('input', apply);
form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('reset', () => setTimeout(apply));
document.addEventListener('click', (event) => {
  const link = event.target.closest ? event.target.closest('a[href^="#finding-"]') : null;
  const target = link ? document.getElementById(link.getAttribute('href').slice(1)) : null;
  if (target) target.hidden = false;
});
apply();
`;
