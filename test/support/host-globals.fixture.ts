/** Uses one global of the browser and one of Node, for the test of the rule that forbids both in `common/`. */
export const title = (): string => document.title;
export const platform = (): string => process.platform;
