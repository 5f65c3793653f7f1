// Answers: is this Node new enough. Loaded before everything else, and plain JavaScript, because an older Node cannot
// read TypeScript and would say so in twenty lines.
const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  process.stderr.write(
    `Cannot start: this is Node ${process.versions.node}, and 24 or later is needed; run "npm ci", which installs it under node_modules, or start it with make\n`,
  );
  process.exit(1);
}
