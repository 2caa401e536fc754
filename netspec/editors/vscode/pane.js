// The page that a pane shows: a drawing, and nothing that runs.
"use strict";

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** A drawing as an image of a page: an image runs no script and fetches nothing, whatever is in it. */
function page(net, svg) {
  const title = net.replace(/[&<>"]/g, (c) => ESCAPES[c]);
  const image = Buffer.from(svg, "utf8").toString("base64");
  return `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>body { background: white; margin: 0; padding: 12px; text-align: center; } img { max-width: 100%; }</style>
</head>
<body><img alt="the network ${title}" src="data:image/svg+xml;base64,${image}"></body>
</html>`;
}

module.exports = { page };
