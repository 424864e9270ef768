// Streamlit calls this on every rerun and theme change: the map is made once per place and then updated.

const MAPS = new WeakMap();

export default function (component) {
  const { parentElement } = component;
  const root = parentElement.querySelector(".collab-map");
  let map = MAPS.get(parentElement);
  if (!map || map.root !== root) {
    map?.destroy();
    map = new ItemMap(root);
    MAPS.set(parentElement, map);
  }
  map.update(component);
  return () => {
    map.destroy();
    if (MAPS.get(parentElement) === map) MAPS.delete(parentElement);
  };
}
