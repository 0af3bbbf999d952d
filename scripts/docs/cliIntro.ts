/** What holds for every command (docs/spec/cli.md §1, §2, §9). */
export const CLI_INTRO = `# Command line

<!-- Made by \`bun run docs\` from the table of commands in cli/commands. -->

\`dstack COMMAND --help\` shows the same for the version that is installed. Options may be written \`--option VALUE\`,
\`--option=VALUE\`, \`-oVALUE\`, in clusters (\`-yd\`) and as any beginning that only one option has. Given twice, the last
one wins; options that make a list are repeated. \`--project NAME\` may stand before or behind the command.

## Which server, which project

\`~/.dstack/config.yml\` is the file of the stock client, which may use it at the same time. In this order:

1. \`DSTACK_SERVER_URL\` and \`DSTACK_TOKEN\`, with the project of \`--project\` or \`DSTACK_PROJECT\`: no file is read;
2. the project of \`--project\` or \`DSTACK_PROJECT\` in the file;
3. the project in the file that is the default. \`DSTACK_TOKEN\` alone replaces the token of 2 and 3.

| Variable | |
| --- | --- |
| \`DSTACK_PROJECT\`, \`DSTACK_SERVER_URL\`, \`DSTACK_TOKEN\` | as above |
| \`DSTACK_PROFILE\`, \`DSTACK_NO_PROFILE\` | as \`--profile\` and \`--no-profile\` |
| \`DSTACK_CLI_LOG_LEVEL\` | \`DEBUG\`: what lies behind an error, on stderr |
| \`DSTACK_CLI_FILE_LOG_LEVEL\` | how much goes into \`~/.dstack/logs/cli/latest.log\`: DEBUG (default), INFO, WARNING or ERROR |
| \`DSTACK_CLIENT_API_VERSION\` | the version that is announced to the server |
| \`NO_COLOR\`, \`FORCE_COLOR\`, \`TERM=dumb\` | without colours; with them in a pipe; without anything that moves |
| \`COLUMNS\` | the width of tables and messages; without it, lines in a pipe are left whole |

## Output

Everything is on stdout, also errors; stderr has wrong usage (exit code 2) and remarks that must not get into a pipe.
Prompts, spinners and progress bars are for terminals only; \`-w\` in a pipe prints the last table once, at Ctrl-C.
\`-o wide\` is the same as \`-v\`; \`-o json\` and \`-o yaml\` are for programs. JSON of lists is one line with the name of the
project, of one thing it is indented.

## Exit codes

| Code | |
| --- | --- |
| 0 | done; also: the answer to a question was no, nothing had to be changed, or Ctrl-C left what goes on by itself |
| 1 | an error, with its reason on stdout; a run that \`apply\` stayed with has failed or was terminated; Ctrl-C at a question |
| 2 | wrong usage, on stderr |
| 124 | \`run wait\`: the time is up |
| 130 | Ctrl-C where nothing listens to it |

## In scripts

\`\`\`sh
echo n | dstack apply -f task.dstack.yml        # the plan; nothing is submitted
dstack apply -f task.dstack.yml -y -d           # submits and returns
dstack run wait NAME --timeout 2h               # 0: done, 1: failed or terminated, 124: not over yet
dstack run get NAME --json                      # everything, for polling: .status, .jobs[].job_submissions[-1].exit_status
dstack logs NAME                                # the output so far; with -f to its end
dstack apply -f task.dstack.yml -y              # stays: the exit code is the outcome
\`\`\``;
