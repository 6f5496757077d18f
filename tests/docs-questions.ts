/** A question as a user would put it, and the sections that answer it: `page#anchor`, any of which will do. */
export interface DocsQuestion {
  readonly question: string;
  readonly answeredIn: readonly string[];
}

/** Eight of each kind of user, in their own words; nobody who asks knows what our headings say. */
export const QUESTIONS: readonly DocsQuestion[] = [
  // Who makes pizzas.
  {
    question: "What do I have to change in my tomatopy script to use this?",
    answeredIn: ["guides/pizzastack#does-my-script-run-unmodified"],
  },
  {
    question: "My pizza only scored 0.4. How can I find out which step ruined it?",
    answeredIn: [
      "best-practices/virtual-kitchen-management#why-is-the-score-of-my-pizza-low",
      "tutorials/perfect-pizza-production#when-a-pizza-went-wrong",
      "objects#find-what-is-wrong",
    ],
  },
  {
    question: "Do I need a new session ID for every pizza?",
    answeredIn: [
      "best-practices/virtual-kitchen-management#should-i-use-one-session-for-each-workflow",
      "best-practices/virtual-kitchen-management#how-do-i-begin-a-session",
    ],
  },
  {
    question: "why does the sauce say degraded when I cooked whole tomatoes",
    answeredIn: [
      "core-modules/cooking-operations#why-is-my-sauce-degraded",
      "core-modules/tomato-module#do-i-have-to-slice-tomatoes-before-i-cook-them",
    ],
  },
  {
    question: "What format is the duration for simmering, is it 30 or 30m?",
    answeredIn: ["core-modules/cooking-operations#how-do-i-write-a-duration"],
  },
  {
    question: "can I bake several pizzas in parallel",
    answeredIn: [
      "best-practices/code-efficiency#what-can-run-at-the-same-time",
      "best-practices/virtual-kitchen-management#how-do-i-run-many-workflows-at-once",
    ],
  },
  {
    question: "which X- headers are required",
    answeredIn: ["core-modules/kitchen-hardware-interface#which-headers-does-a-request-need"],
  },
  {
    question: "how do I see the ancestry of an object",
    answeredIn: [
      "objects#find-what-is-wrong",
      "rest#object-lineage-get-sessionsidobjectsobject_idlineage",
      "cli#sojourn-lineage",
    ],
  },
  // Who comes from inference.sh.
  {
    question: "How do I use the inferencesh python client against my own server?",
    answeredIn: ["guides/inference#how-do-i-point-my-client-at-this-server"],
  },
  {
    question: "what does task status 9 mean",
    answeredIn: ["guides/inference#which-status-numbers-do-tasks-have"],
  },
  {
    question: "how can I stop an app call that takes too long?",
    answeredIn: [
      "tasks#one-at-a-time",
      "limits#how-long-and-how-large-may-a-task-of-an-app-be",
      "cli#sojourn-tasks-cancel",
      "rest#cancel-task-post-sessionsidtaskstask_idcancel",
    ],
  },
  {
    question: "Does a task keep running when my browser disconnects?",
    answeredIn: ["tasks#while-it-runs"],
  },
  {
    question: "How do I write my own app?",
    answeredIn: ["apps#an-app", "apps#"],
  },
  {
    question: "What happens to the state in memory if the worker crashes?",
    answeredIn: ["apps#when-a-worker-is-lost"],
  },
  {
    question: "can an app reach the internet or read my files?",
    answeredIn: ["apps#permissions"],
  },
  {
    question: "keep a warm worker alive for hours",
    answeredIn: ["guides/inference#how-do-i-keep-a-session-for-long", "concepts#worker"],
  },
  // Who has agents on AIECS's ContextEngine.
  {
    question: "Can I keep using HybridAgent with Sojourn?",
    answeredIn: ["guides/context-engine#does-my-code-run-unmodified", "guides/context-engine#what-is-not-there-yet"],
  },
  {
    question: "Is request_count incremented by itself?",
    answeredIn: ["guides/context-engine#are-requests-counted-automatically"],
  },
  {
    question: "how do I get rid of sessions nobody has used for half an hour",
    answeredIn: [
      "guides/context-engine#when-do-sessions-expire",
      "rest#clean-up-sessions-post-sessionscleanup",
      "cli#sojourn-sessions-cleanup",
    ],
  },
  {
    question: "how many sessions can be active at once and can I cap it?",
    answeredIn: [
      "guides/context-engine#how-do-i-limit-how-many-sessions-are-active",
      "limits#how-many-sessions-and-how-long-do-they-live",
    ],
  },
  {
    question: "What if I create a session with an ID that is already taken?",
    answeredIn: ["guides/context-engine#what-if-a-session-with-that-id-exists", "errors#session_exists"],
  },
  {
    question: "import old conversation history from redis",
    answeredIn: [
      "guides/context-engine#how-do-i-bring-a-history-along",
      "guides/atlus#how-do-i-bring-my-conversations-along",
    ],
  },
  {
    question: "use it inside my node process without running a server",
    answeredIn: ["getting-started#how-do-i-do-it-without-a-server", "sdk#in-process"],
  },
  {
    question: "is it safe to retry a request after a timeout?",
    answeredIn: [
      "best-practices/code-efficiency#how-do-i-repeat-a-call-safely",
      "rest#how-to-repeat-a-write-safely",
      "errors#which-errors-may-be-retried",
      "sdk#when-something-fails",
    ],
  },
  // Who comes from rs-llmspell.
  {
    question: "will my Lua scripts work",
    answeredIn: ["scripts#", "guides/llmspell#"],
  },
  {
    question: "how do I go back to an earlier state of a session and continue from there?",
    answeredIn: ["time-travel#forks", "time-travel#as-it-was", "getting-started#how-do-i-fork-it"],
  },
  {
    question: "what's the largest file I can store?",
    answeredIn: ["limits#how-large-may-artifacts-be", "artifacts#limits"],
  },
  {
    question: "let another session read my artifact",
    answeredIn: ["artifacts#share", "sdk#sharing", "guides/llmspell#can-sessions-share-artifacts"],
  },
  {
    question: "replay a session with a different model and see what differs",
    answeredIn: [
      "replay#what-execute-does",
      "replay#the-report",
      "replay#",
      "time-travel#replay",
      "getting-started#how-do-i-replay-it",
    ],
  },
  {
    question: "How can I prove that nobody tampered with the log?",
    answeredIn: [
      "sdk#the-log",
      "rest#verify-session-get-sessionsidverify",
      "cli#sojourn-verify",
      "bundles#what-is-verified",
    ],
  },
  {
    question: "move a session to another machine",
    answeredIn: ["time-travel#export-and-import", "cli#sojourn-export", "bundles#"],
  },
  {
    question: "delete finished sessions automatically after 30 days",
    answeredIn: ["time-travel#retention", "guides/llmspell#what-became-of-my-configuration"],
  },
  // Who comes from ATLUS.
  {
    question: "do I need an OpenAI key to try the chat?",
    answeredIn: ["chat#what-answers", "guides/atlus#which-model-answers"],
  },
  {
    question: "does it remember the user's name in the next conversation",
    answeredIn: ["chat#what-a-session-remembers"],
  },
  {
    question: "A user asked us to delete all of their data (GDPR). What do I call?",
    answeredIn: ["chat#forgetting", "cli#sojourn-users-erase", "operations#how-do-i-erase-a-user"],
  },
  {
    question: "what happens when the conversation gets too long for the model",
    answeredIn: ["chat#the-window", "limits#how-long-may-messages-and-conversations-be"],
  },
  {
    question: "I get 404 INVALID_SESSION when I chat, why?",
    answeredIn: ["errors#invalid_session"],
  },
  {
    question: "how do I change the port",
    answeredIn: ["configuration#port"],
  },
  {
    question: "stream the answer token by token",
    answeredIn: ["chat#", "sdk#chat-and-memory"],
  },
  {
    question: "how often can I call the API per minute?",
    answeredIn: [
      "guides/atlus#are-there-rate-limits",
      "configuration#rate_limit_reads",
      "configuration#rate_limit_writes",
      "limits#how-large-may-requests-be-and-how-many-at-once",
      "errors#rate_limit_exceeded",
    ],
  },
];

/** As those put it who are new here: basic questions, in other words than ours, with slips, or by a name alone. */
export const MORE_QUESTIONS: readonly DocsQuestion[] = [
  // What it is.
  { question: "what is sojourn", answeredIn: ["README#", "concepts#"] },
  { question: "what is a session", answeredIn: ["concepts#session"] },
  { question: "what is lineage", answeredIn: ["concepts#lineage-and-quality", "objects#"] },
  { question: "what is a fork", answeredIn: ["concepts#fork"] },
  {
    question: "how do I authenticate",
    answeredIn: [
      "errors#unauthorized",
      "rest#how-to-send-the-api-key",
      "operations#how-do-i-make-rotate-and-revoke-api-keys",
    ],
  },
  { question: "what's a checkpoint?", answeredIn: ["concepts#checkpoint", "time-travel#checkpoints"] },
  { question: "explain workers", answeredIn: ["concepts#worker"] },
  { question: "what does idempotency key mean", answeredIn: ["concepts#idempotency-key"] },
  { question: "definition of tenant", answeredIn: ["concepts#key-scope-and-tenant"] },
  { question: "what is a dialect", answeredIn: ["concepts#dialect"] },
  { question: "What are artifacts?", answeredIn: ["concepts#artifact", "artifacts#"] },
  { question: "what is working memory", answeredIn: ["concepts#working-memory"] },
  // To install and run it.
  {
    question: "How do I start the server",
    answeredIn: ["getting-started#how-do-i-install-and-run-it", "cli#sojourn-serve"],
  },
  {
    question: "how to stop the server",
    answeredIn: [
      "operations#how-does-it-stop-and-what-survives-a-crash",
      "getting-started#how-do-i-install-and-run-it",
      "cli#sojourn-serve",
    ],
  },
  {
    question: "where is data stored",
    answeredIn: [
      "operations#what-does-a-server-need-to-run",
      "configuration#data",
      "getting-started#how-do-i-install-and-run-it",
      "getting-started#what-do-i-need",
    ],
  },
  { question: "what node version do I need", answeredIn: ["getting-started#what-do-i-need", "sdk#"] },
  { question: "windows support", answeredIn: ["getting-started#what-do-i-need"] },
  {
    question: "does it need a database",
    answeredIn: ["getting-started#what-do-i-need", "operations#what-does-a-server-need-to-run"],
  },
  { question: "cli json output", answeredIn: ["cli#options-that-most-commands-have", "tasks#on-the-command-line"] },
  { question: "exit status of the command line", answeredIn: ["cli#what-do-the-exit-codes-mean"] },
  {
    question: "change the listening address",
    answeredIn: ["configuration#host", "operations#how-do-i-let-other-machines-in"],
  },
  {
    question: "turn on debug logging",
    answeredIn: ["configuration#log_level", "operations#where-is-the-log-of-the-server"],
  },
  { question: "How fast is it", answeredIn: ["benchmarks#"] },
  { question: "how many requests per second can it do", answeredIn: ["benchmarks#"] },
  // How long, how much.
  {
    question: "how long do sessions live by default",
    answeredIn: [
      "concepts#session",
      "limits#how-many-sessions-and-how-long-do-they-live",
      "configuration#idle_timeout_seconds",
    ],
  },
  {
    question: "session expires too fast",
    answeredIn: [
      "configuration#idle_timeout_seconds",
      "concepts#session",
      "limits#how-many-sessions-and-how-long-do-they-live",
      "errors#session_expired",
      "guides/inference#how-do-i-keep-a-session-for-long",
      "guides/context-engine#when-do-sessions-expire",
    ],
  },
  {
    question: "make sessions never expire",
    answeredIn: [
      "concepts#session",
      "guides/context-engine#when-do-sessions-expire",
      "limits#how-many-sessions-and-how-long-do-they-live",
      "configuration#idle_timeout_seconds",
    ],
  },
  {
    question: "How do I make a session last forever?",
    answeredIn: [
      "concepts#session",
      "guides/context-engine#when-do-sessions-expire",
      "guides/inference#how-do-i-keep-a-session-for-long",
      "limits#how-many-sessions-and-how-long-do-they-live",
      "configuration#idle_timeout_seconds",
    ],
  },
  {
    question: "session_timeout maximum",
    answeredIn: [
      "guides/inference#how-do-i-keep-a-session-for-long",
      "guides/inference#what-works-unmodified",
      "limits#how-many-sessions-and-how-long-do-they-live",
    ],
  },
  {
    question: "what happens when my session expired and I call it again with the same X-Session-ID",
    answeredIn: [
      "core-modules/kitchen-hardware-interface#when-is-a-session-made",
      "core-modules/kitchen-hardware-interface#how-long-does-a-session-live",
      "app-routes#how-long-does-a-session-live",
      "best-practices/virtual-kitchen-management#how-long-does-a-session-live-and-how-do-i-know-that-it-expired",
    ],
  },
  { question: "max number of operations per session", answeredIn: ["concepts#operation"] },
  {
    question: "upload big file limit",
    answeredIn: ["limits#how-large-may-artifacts-be", "artifacts#limits", "configuration#max_artifact_bytes"],
  },
  {
    question: "how long may a duration be in simmer",
    answeredIn: ["core-modules/cooking-operations#how-do-i-write-a-duration"],
  },
  {
    question: "how much memory may a worker use",
    answeredIn: [
      "limits#how-long-and-how-large-may-a-task-of-an-app-be",
      "configuration#worker_memory_mib",
      "apps#limits",
    ],
  },
  // To work with it.
  { question: "undo the last operation", answeredIn: ["time-travel#forks", "time-travel#as-it-was", "concepts#fork"] },
  { question: "can a fork be merged back", answeredIn: ["time-travel#forks", "concepts#fork"] },
  {
    question: "search messages for a word",
    answeredIn: ["sdk#chat-and-memory", "rest#list-messages-get-sessionsidmessages"],
  },
  {
    question: "how do I see logs of an app",
    answeredIn: ["tasks#while-it-runs", "apps#what-an-action-may-do", "tasks#on-the-command-line"],
  },
  {
    question: "how do I debug a failing action",
    answeredIn: [
      "tasks#when-it-fails",
      "errors#task_failed",
      "errors#task-error-app_failed",
      "errors#what-the-error-of-a-task-says",
    ],
  },
  {
    question: "optimistic locking",
    answeredIn: ["concepts#version-and-head", "rest#how-to-repeat-a-write-safely", "errors#precondition_failed"],
  },
  {
    question: "multi tenancy",
    answeredIn: ["operations#how-do-i-keep-customers-apart", "concepts#key-scope-and-tenant"],
  },
  {
    question: "prometheus metrics endpoint",
    answeredIn: ["operations#how-do-i-monitor-it", "rest#what-every-server-answers-beside"],
  },
  {
    question: "Is there an SDK for Java?",
    answeredIn: ["sdk#"],
  },
  { question: "how to use the Lua script API", answeredIn: ["scripts#what-scripts-can-call", "scripts#"] },
  {
    question: "can it store sessions in Postgres",
    answeredIn: ["guides/llmspell#what-became-of-my-configuration", "configuration#"],
  },
  // With slips.
  {
    question: "resotre a backup",
    answeredIn: ["operations#how-do-i-restore-a-backup", "cli#sojourn-restore", "backup#what-restoring-checks"],
  },
  {
    question: "backup while runing",
    answeredIn: ["operations#how-do-i-make-a-backup", "backup#", "backup#what-taking-one-costs", "cli#sojourn-backup"],
  },
  {
    question: "how to cancle a task",
    answeredIn: [
      "tasks#one-at-a-time",
      "cli#sojourn-tasks-cancel",
      "rest#cancel-task-post-sessionsidtaskstask_idcancel",
    ],
  },
  {
    question: "delete an artifcat",
    answeredIn: [
      "artifacts#remove",
      "cli#sojourn-artifacts-rm",
      "rest#delete-artifact-delete-sessionsidartifactsartifact_id",
    ],
  },
  // Names.
  {
    question: "raw_ingredient",
    answeredIn: ["core-modules/cooking-operations#why-is-my-sauce-degraded", "apps/pizzastack#what-degrades-a-sauce"],
  },
  { question: "SESSION_NOT_FOUND", answeredIn: ["errors#session_not_found"] },
  { question: "idle_timeout_seconds", answeredIn: ["configuration#idle_timeout_seconds"] },
  { question: "--max-sessions", answeredIn: ["configuration#max_sessions"] },
  // Pizzas.
  { question: "can I reuse a tomato", answeredIn: ["core-modules/tomato-module#is-a-tomato-used-up"] },
  {
    question: "is the score random",
    answeredIn: [
      "core-modules/taste-testing-module#is-the-taste-of-the-same-dish-always-the-same",
      "apps/pizzastack#how-scores-are-made",
      "apps/pizzastack#",
    ],
  },
];

/** What the documentation has nothing to say to. */
export const UNRELATED: readonly string[] = [
  "What is the capital of France?",
  "Who won the world cup?",
  "How tall is Mount Everest?",
  "What is the best programming language for beginners?",
  "How do I center a div in CSS?",
  "translate good morning to Spanish",
  "Which stocks should I buy this year?",
  "When does the next train to Berlin leave?",
  "flurbl gnarx wibble",
  "Who wrote Hamlet?",
  "asdf jkl;",
  "Should I see a doctor about my headache?",
  "what does CONCURRENT_TURN mean",
  "'; DROP TABLE x;--",
  "deploy it to Kubernetes",
  "MongoDB backend",
  "can it store sessions in Cassandra",
  "Helm chart",
  "GraphQL endpoint",
  "Slack integration",
  "SAML login",
];
