/** A file of an export, by its name in the folder. */
export interface ExportFile {
  readonly name: string;
  readonly text: string;
}
