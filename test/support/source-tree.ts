/** Reads the project's TypeScript files as values that rules can look at: imports, top-level statements, lines. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export interface Import {
  /** As written, without a `?query`. */
  readonly request: string;
  /** Path from the project's root for a relative request, null for a package. */
  readonly file: string | null;
  readonly line: number;
  readonly isReExport: boolean;
  /** Erased by the compiler: nothing is loaded. */
  readonly isType: boolean;
}

export interface Effect {
  readonly line: number;
  readonly what: string;
}

export interface Source {
  /** Path from the project's root, with forward slashes. */
  readonly file: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  /** Top-level statements that do something, or hold something that changes, when the file is only imported. */
  readonly effects: readonly Effect[];
}

/** All TypeScript files under the given folders of `root`. */
export function readSources(root: string, folders: readonly string[]): readonly Source[] {
  return folders.flatMap((folder) => filesUnder(root, folder))
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'))
    .map((file) => parseSource(file, readFileSync(path.join(root, file), 'utf8')));
}

/** Every file under a folder, as paths from `root`; empty if there is no such folder. */
export function filesUnder(root: string, folder: string): readonly string[] {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const file = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return entry.name === '__pycache__' ? [] : filesUnder(root, file);
      return [file];
    })
    .sort();
}

export function parseSource(file: string, text: string): Source {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true, file.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  const lineOf = (node: ts.Node): number => tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
  const imports: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, { isReExport = false, isType = false } = {}): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const request = specifier.text.split('?')[0] ?? '';
    const resolved = request.startsWith('.') ? path.posix.join(path.posix.dirname(file), request) : null;
    imports.push({ request, file: resolved, line: lineOf(node), isReExport, isType });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, { isType: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword });
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, { isReExport: true, isType: node.isTypeOnly });
    else if (ts.isCallExpression(node) && isLoad(node.expression)) add(node, node.arguments[0]);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal, { isType: true });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  const effects = tree.statements.flatMap((statement) => {
    const what = effectOf(statement, tree);
    return what === null ? [] : [{ line: lineOf(statement), what }];
  });
  return { file, lines: text.trimEnd().split('\n').length, imports, effects };
}

function isLoad(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');
}

function effectOf(statement: ts.Statement, tree: ts.SourceFile): string | null {
  if (ts.isVariableStatement(statement) && (statement.declarationList.flags & (ts.NodeFlags.Const | ts.NodeFlags.Using)) === 0) {
    return `changeable global: ${firstLine(statement, tree)}`;
  }
  const isPassive = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement) || ts.isExportAssignment(statement) ||
    ts.isVariableStatement(statement) || ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) || ts.isModuleDeclaration(statement) ||
    ts.isEmptyStatement(statement);
  return isPassive ? null : `statement that runs on import: ${firstLine(statement, tree)}`;
}

function firstLine(node: ts.Node, tree: ts.SourceFile): string {
  return node.getText(tree).split('\n')[0] ?? '';
}

/** Names that a set of files uses and that plain ECMAScript does not have: globals of the browser or of Node. */
export function hostGlobals(root: string, files: readonly string[]): readonly { file: string; line: number; name: string }[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022, lib: ['lib.es2023.d.ts'], types: [], module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler, allowImportingTsExtensions: true, noEmit: true, strict: true, skipLibCheck: true,
  };
  const program = ts.createProgram(files.map((file) => path.join(root, file)), options);
  return program.getSourceFiles()
    .filter((source) => !program.isSourceFileDefaultLibrary(source))
    .flatMap((source) => program.getSemanticDiagnostics(source).flatMap((problem) => {
      const message = ts.flattenDiagnosticMessageText(problem.messageText, ' ');
      const name = /^Cannot find (?:name|namespace) '([^']+)'/.exec(message)?.[1];
      if (name === undefined || problem.start === undefined) return [];
      const line = source.getLineAndCharacterOfPosition(problem.start).line + 1;
      return [{ file: path.relative(root, source.fileName).replaceAll(path.sep, '/'), line, name }];
    }));
}
