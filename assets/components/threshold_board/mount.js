// Streamlit calls this on every rerun and theme change: the board is made once per place and then updated.

const BOARDS = new WeakMap();

export default function (component) {
  const { parentElement } = component;
  const root = parentElement.querySelector(".threshold-board");
  let board = BOARDS.get(parentElement);
  if (!board || board.root !== root) {
    board?.destroy();
    board = new Board(root);
    BOARDS.set(parentElement, board);
  }
  board.update(component);
  return () => {
    board.destroy();
    if (BOARDS.get(parentElement) === board) BOARDS.delete(parentElement);
  };
}
