// Streamlit calls this on every rerun and theme change: the viewer is made once per place and then updated.

const VIEWERS = new WeakMap();

export default function (component) {
  const { parentElement } = component;
  const root = parentElement.querySelector(".mask-viewer");
  let viewer = VIEWERS.get(parentElement);
  if (!viewer || viewer.root !== root) {
    viewer?.destroy();
    viewer = new Viewer(root);
    VIEWERS.set(parentElement, viewer);
  }
  viewer.update(component);
  return () => {
    viewer.destroy();
    if (VIEWERS.get(parentElement) === viewer) VIEWERS.delete(parentElement);
  };
}
