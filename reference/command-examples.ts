/** An example of the page docs/cli.md; those that stand in a row are run in the order of the page, unless one says no. */
interface CommandExample {
  readonly code: string;
  readonly isRun?: false;
}

/** What makes the sessions that the examples are of. */
export const EXAMPLES_BEGIN_WITH = `export SOJOURN_URL="\${SOJOURN_URL:-http://127.0.0.1:7070}"
curl -X POST "$SOJOURN_URL/api/v1/sessions" -H 'Content-Type: application/json' \\
  -d '{"session_id": "demo", "user_id": "ada"}'
curl -X POST "$SOJOURN_URL/api/v1/sessions" -H 'Content-Type: application/json' \\
  -d '{"session_id": "spare", "user_id": "grace"}'
curl -X POST "$SOJOURN_URL/api/v1/sessions" -H 'Content-Type: application/json' -d '{"session_id": "writer"}'`;

/** A command that keeps in a variable what another prints under a name. */
function kept(variable: string, command: string, name: string): string {
  return `${variable}=$(${command} --json | sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/')`;
}

const ARTIFACT = kept("ARTIFACT", "npx sojourn artifacts list demo --limit 1", "artifact_id");
const OLD = kept("OLD", "npx sojourn artifacts put demo notes.md --name old.md", "artifact_id");
const TASK = kept("TASK", "npx sojourn tasks list demo --limit 1", "task_id");
const OBJECT = `npx sojourn run-app pizzastack tomato/acquire --session demo \\
  --input '{"variety": "San Marzano", "ripeness": 0.8, "weight": 120}'
${kept("OBJECT", "npx sojourn objects demo --limit 1", "object_id")}`;

/** The examples by the words of their command. */
export const COMMAND_EXAMPLES: Readonly<Record<string, CommandExample>> = {
  serve: { code: "npx sojourn serve --port 8080 --data /var/lib/sojourn", isRun: false },
  chat: { code: 'npx sojourn chat "Hi, my name is Ada" --session demo' },
  messages: { code: "npx sojourn messages demo --limit all" },
  compact: { code: "npx sojourn compact demo --strategy truncate --keep-recent 4" },
  "users show": { code: "npx sojourn users show ada" },
  "users erase": { code: "npx sojourn users erase lin --yes" },
  "sessions create": { code: "npx sojourn sessions create --user ada --tag trial --idle-timeout 2h" },
  "sessions list": { code: "npx sojourn sessions list --status active --sort last_activity" },
  "sessions update": { code: "npx sojourn sessions update demo --name Demo --limits '{\"calls\": 500}'" },
  "sessions show": { code: "npx sojourn sessions show demo --at 1" },
  "sessions suspend": { code: 'npx sojourn sessions suspend demo --reason "waiting for Ada"' },
  "sessions resume": { code: "npx sojourn sessions resume demo" },
  "sessions keepalive": { code: "npx sojourn sessions keepalive demo" },
  "sessions end": { code: "npx sojourn sessions end spare --reason done" },
  "sessions delete": { code: "npx sojourn sessions delete spare" },
  "sessions cleanup": { code: "npx sojourn sessions cleanup --max-idle 30m --dry-run" },
  "artifacts put": { code: "echo '# Ideas' > notes.md\nnpx sojourn artifacts put demo notes.md --tag draft" },
  "artifacts get": { code: "npx sojourn artifacts get demo notes.md -o copy.md" },
  "artifacts show": { code: "npx sojourn artifacts show demo notes.md" },
  "artifacts list": { code: "npx sojourn artifacts list demo --pattern '*.md'" },
  "artifacts rm": { code: `${OLD}\nnpx sojourn artifacts rm demo $OLD` },
  "artifacts grant": { code: `${ARTIFACT}\nnpx sojourn artifacts grant demo $ARTIFACT writer --permission read` },
  "artifacts revoke": { code: "npx sojourn artifacts revoke demo $ARTIFACT writer" },
  "artifacts grants": { code: "npx sojourn artifacts grants demo $ARTIFACT" },
  "run-app": {
    code: 'npx sojourn run-app infsh/session-test set_value --session demo \\\n  --input \'{"key": "city", "value": "Rome"}\'',
  },
  "tasks list": { code: "npx sojourn tasks list demo --limit 5" },
  "tasks show": {
    code: `${TASK}
npx sojourn tasks show demo $TASK`,
  },
  "tasks cancel": { code: "npx sojourn tasks cancel demo $TASK" },
  run: {
    code: `echo 'print(Session.get(Session.getCurrent()).status, ...)' > state.lua
npx sojourn run state.lua --session demo -- "from a script"`,
  },
  "topics list": { code: "npx sojourn topics list" },
  "topics publish": {
    code: `npx sojourn topics publish findings '{"claim": "Bees see ultraviolet"}' --session demo`,
  },
  "topics read": { code: "npx sojourn topics read findings --subscriber writer --limit 10 --ack" },
  "topics follow": {
    code: "npx sojourn topics follow findings --subscriber writer --ack",
    isRun: false,
  },
  "topics subscribers": { code: "npx sojourn topics subscribers findings" },
  "topics ack": { code: "npx sojourn topics ack findings writer 1" },
  "topics move": { code: "npx sojourn topics move findings writer --after 0" },
  "topics unsubscribe": { code: "npx sojourn topics unsubscribe findings writer" },
  "topics delete": { code: "npx sojourn topics delete findings" },
  "apps list": { code: "npx sojourn apps list" },
  "apps new": { code: "npx sojourn apps new my-own" },
  "apps check": { code: "npx sojourn apps new counter\nnpx sojourn apps check counter" },
  log: { code: "npx sojourn log demo --after 1" },
  verify: { code: "npx sojourn verify --all" },
  checkpoint: { code: 'npx sojourn checkpoint demo "first draft" --with \'{"budget": 900}\'' },
  checkpoints: { code: "npx sojourn checkpoints demo" },
  fork: { code: 'npx sojourn fork demo --at "first draft" --id demo-b' },
  diff: { code: "npx sojourn diff demo demo-b" },
  tree: { code: "npx sojourn tree demo" },
  replay: { code: "npx sojourn replay demo --mode recorded" },
  export: { code: "npx sojourn export demo -o demo.sojourn" },
  import: { code: "npx sojourn import demo.sojourn --id demo-again" },
  cleanup: { code: "npx sojourn cleanup --older-than 90d --keep-latest 100 --dry-run" },
  objects: { code: "npx sojourn objects demo --quality degraded" },
  "templates set": { code: "npx sojourn templates set research --tag research --idle-timeout 2h" },
  "templates show": { code: "npx sojourn templates show research" },
  "templates list": { code: "npx sojourn templates list" },
  "templates remove": { code: "npx sojourn templates remove research" },
  events: { code: "npx sojourn events --type session.created --limit 5" },
  "webhooks set": {
    code: "npx sojourn webhooks set archive https://hooks.example.com/sojourn --type session.completed --off",
  },
  "webhooks show": { code: "npx sojourn webhooks show archive" },
  "webhooks list": { code: "npx sojourn webhooks list" },
  "webhooks rotate": { code: "npx sojourn webhooks rotate archive" },
  "webhooks on": { code: "npx sojourn webhooks on archive", isRun: false },
  "webhooks off": { code: "npx sojourn webhooks off archive" },
  "webhooks remove": { code: "npx sojourn webhooks remove archive" },
  lineage: {
    code: `${OBJECT}
npx sojourn lineage demo $OBJECT`,
  },
  "keys create": { code: "npx sojourn keys create --tenant acme --expires-in 90d", isRun: false },
  "keys list": { code: "npx sojourn keys list" },
  "keys revoke": { code: "npx sojourn keys revoke key_0123456789abcdef", isRun: false },
  "keys disable": { code: "npx sojourn keys disable", isRun: false },
  backup: { code: "npx sojourn backup friday.backup" },
  restore: { code: "npx sojourn restore friday.backup --data ./fresh" },
  doctor: { code: "npx sojourn doctor --data ./fresh" },
  complete: { code: "npx sojourn complete bash > sojourn.bash" },
};
