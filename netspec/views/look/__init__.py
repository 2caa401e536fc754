"""What a network looks at, as pictures: plates of tiles with words, and the sheet or the page that they stand on."""
