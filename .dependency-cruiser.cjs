const { rulesFor } = require('./scripts/architecture-rules.cjs');

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = rulesFor(__dirname);
