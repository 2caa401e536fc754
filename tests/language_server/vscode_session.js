// A session with `netspec lsp` by the library that VS Code's own client is made of: the second witness of the protocol.
//   node vscode_session.js PYTHON, where node_modules has vscode-languageclient; .ci/run does.
"use strict";

const assert = require("assert");
const { spawn } = require("child_process");
const rpc = require("vscode-jsonrpc/node");
const lsp = require("vscode-languageserver-protocol/node");

const TEXT = "net a:\n  input 3x32x32\n  keep: conv 16 3x3 bn relu  # é😀\n  concat @keep\n  fc 10\n";
const uri = "file:///nowhere/a.net";
const page = { textDocument: { uri } };

async function session() {
  const server = spawn(process.argv[2], ["-P", "-m", "netspec", "lsp", "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => server.on("exit", resolve));
  const c = lsp.createProtocolConnection(new rpc.StreamMessageReader(server.stdout), new rpc.StreamMessageWriter(server.stdin));
  let said;
  const next = () => new Promise((resolve) => (said = resolve));
  c.onNotification(lsp.PublishDiagnosticsNotification.type, (d) => said && said(d));
  c.listen();
  const able = await c.sendRequest(lsp.InitializeRequest.type, { processId: process.pid, rootUri: null, workspaceFolders: null,
    capabilities: { textDocument: { documentSymbol: { hierarchicalDocumentSymbolSupport: true } } }, initializationOptions: { pane: true } });
  assert.strictEqual(able.capabilities.positionEncoding, "utf-16");
  await c.sendNotification(lsp.InitializedNotification.type, {});

  let found = next();
  c.sendNotification(lsp.DidOpenTextDocumentNotification.type, { textDocument: { uri, languageId: "netspec", version: 1, text: TEXT.replace("relu", "rleu") } });
  const [mistake] = (await found).diagnostics;
  assert.deepStrictEqual(mistake.range, { start: { line: 2, character: 23 }, end: { line: 2, character: 27 } });
  const [action] = await c.sendRequest(lsp.CodeActionRequest.type, { ...page, range: mistake.range, context: { diagnostics: [mistake] } });
  const [edit] = action.edit.changes[uri];
  found = next();
  c.sendNotification(lsp.DidChangeTextDocumentNotification.type,
    { textDocument: { uri, version: 2 }, contentChanges: [{ range: edit.range, text: edit.newText }] });
  assert.deepStrictEqual((await found).diagnostics, []);

  const hints = await c.sendRequest(lsp.InlayHintRequest.type, { ...page, range: { start: { line: 2, character: 0 }, end: { line: 2, character: 9 } } });
  assert.deepStrictEqual(hints.map((h) => [h.label, h.position]), [["-> 16x32x32 · 464 · 442 k", { line: 2, character: 27 }]]);
  const [lens] = await c.sendRequest(lsp.CodeLensRequest.type, page);
  const drawing = await c.sendRequest(lsp.ExecuteCommandRequest.type, { command: lens.command.command, arguments: lens.command.arguments });
  assert.ok(drawing.net === "a" && drawing.svg.includes("<svg"));
  const [there] = await c.sendRequest(lsp.DefinitionRequest.type, { ...page, position: { line: 3, character: 12 } });
  assert.deepStrictEqual(there.range, { start: { line: 2, character: 2 }, end: { line: 2, character: 6 } });
  const items = await c.sendRequest(lsp.CompletionRequest.type, { ...page, position: { line: 3, character: 10 } });
  assert.ok(items.items.some((i) => i.label === "keep"));
  await assert.rejects(c.sendRequest(lsp.RenameRequest.type, { ...page, position: { line: 3, character: 12 }, newName: "net" }), { code: -32803 });
  const [net] = await c.sendRequest(lsp.DocumentSymbolRequest.type, page);
  assert.deepStrictEqual([net.name, net.children.map((x) => x.name)], ["a", ["input", "keep"]]);
  await c.sendRequest(lsp.ShutdownRequest.type);
  await c.sendNotification(lsp.ExitNotification.type);
  assert.strictEqual(await ended, 0);
  console.log("a session of VS Code's library: fine");
}

session().then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });
