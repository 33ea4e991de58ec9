// Colours of the objects by their number, as in the label images.

const COLOURS = ["#e63c3c", "#3ca0fa", "#fabe28", "#5ac86e", "#be6ef0", "#fa82c8", "#78dcdc"];

export const colourOf = (number) => COLOURS[(number - 1) % COLOURS.length];
