// Starts `netspec lsp` for pages of the language, and shows the drawings that it makes in panes beside them.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");
const { page } = require("./pane");

const DRAW = "netspec.draw"; // the server's own command: (page, net) -> { net, svg }

let client;
const panes = new Map(); // page and net -> the pane with its drawing

function started() {
  const [command, ...args] = vscode.workspace.getConfiguration("netspec").get("command");
  const options = {
    documentSelector: [{ language: "netspec" }],
    initializationOptions: { pane: true },
    middleware: {
      executeCommand: async (name, given, next) => {
        const made = await next(name, given);
        if (name === DRAW && made) show(given[0], made);
        return made;
      },
    },
  };
  client = new LanguageClient("netspec", "netspec", { command, args }, options);
  return client.start();
}

/** A drawing in its pane, which is opened beside the text where there is none yet. */
function show(uri, { net, svg }) {
  const key = JSON.stringify([uri, net]);
  let pane = panes.get(key);
  if (pane === undefined) {
    const beside = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    pane = vscode.window.createWebviewPanel("netspec.drawing", net, beside, { enableScripts: false, localResourceRoots: [] });
    pane.onDidDispose(() => panes.delete(key));
    panes.set(key, pane);
  }
  pane.webview.html = page(net, svg);
}

/** The panes of a page that was saved. A page that is broken keeps the drawings it had. */
async function redraw(document) {
  for (const key of panes.keys()) {
    const [uri, net] = JSON.parse(key);
    if (uri !== client.code2ProtocolConverter.asUri(document.uri)) continue;
    try {
      const made = await client.sendRequest("workspace/executeCommand", { command: DRAW, arguments: [uri, net] });
      if (made && panes.has(key)) show(uri, made);
    } catch {
      // what is wrong stands at its line
    }
  }
}

/** Draw a net of the page at hand; where there are several, one is chosen. */
async function drawNet() {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || editor.document.languageId !== "netspec") return;
  const uri = client.code2ProtocolConverter.asUri(editor.document.uri);
  const lenses = (await client.sendRequest("textDocument/codeLens", { textDocument: { uri } })) || [];
  const nets = lenses.map((lens) => ({ label: lens.command.arguments[1], description: lens.command.title.replace(/ · draw$/, "") }));
  if (nets.length === 0) {
    vscode.window.showInformationMessage("There is no net on this page that can be drawn as it stands.");
    return;
  }
  const chosen = nets.length === 1 ? nets[0] : await vscode.window.showQuickPick(nets, { placeHolder: "Which net?" });
  if (chosen !== undefined) await vscode.commands.executeCommand(DRAW, uri, chosen.label);
}

async function activate(context) {
  context.subscriptions.push(
    vscode.workspace.onDidSaveTextDocument(redraw),
    vscode.commands.registerCommand("netspec.drawNet", drawNet),
    vscode.commands.registerCommand("netspec.restart", () => client.restart()),
    { dispose: () => [...panes.values()].forEach((pane) => pane.dispose()) },
  );
  try {
    await started();
  } catch (e) {
    vscode.window.showErrorMessage(`netspec lsp does not start: ${e.message}. pip install 'netspec-nn[lsp]' brings it; the setting netspec.command says where it is.`);
  }
}

function deactivate() {
  return client && client.stop();
}

module.exports = { activate, deactivate };
