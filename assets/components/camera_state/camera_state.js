// Whether this browser lends its camera, in one sentence; nothing where it does. It never opens the camera itself.

const WORDS = {
  insecure: "Browsers lend the camera only to pages over https or on this very machine. Upload a picture instead.",
  denied: "This browser refuses the camera to this page. Allow it beside the address, or upload a picture instead.",
  none: "There is no camera on this device. Upload a picture instead.",
};

async function why() {
  if (!navigator.mediaDevices?.getUserMedia) return "insecure";
  const devices = await navigator.mediaDevices.enumerateDevices();
  if (!devices.some(({ kind }) => kind === "videoinput")) return "none";
  const permission = await navigator.permissions?.query({ name: "camera" }).catch(() => null);
  return permission?.state === "denied" ? "denied" : "";
}

export default function (component) {
  const line = component.parentElement.querySelector(".camera-state");
  let alive = true;
  const look = async () => {
    const found = await why().catch(() => "");
    if (!alive) return;
    line.hidden = !found;
    line.textContent = WORDS[found] ?? "";
  };
  look();
  // A refusal comes when the person answers the browser's question, not before.
  const clock = setInterval(look, 1500);
  return () => {
    alive = false;
    clearInterval(clock);
  };
}
