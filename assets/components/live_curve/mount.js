// Streamlit calls this on every rerun and theme change: the chart is made once per place and then updated.

const CHARTS = new WeakMap();

export default function (component) {
  const { parentElement } = component;
  const root = parentElement.querySelector(".live-curve");
  let chart = CHARTS.get(parentElement);
  if (!chart || chart.root !== root) {
    chart?.destroy();
    chart = new Chart(root);
    CHARTS.set(parentElement, chart);
  }
  chart.update(component);
  return () => {
    chart.destroy();
    if (CHARTS.get(parentElement) === chart) CHARTS.delete(parentElement);
  };
}
