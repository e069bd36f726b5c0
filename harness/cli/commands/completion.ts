/** `teemu completion SHELL`: a script that completes commands, options and the names that options take. */
import { Argument, type Command } from 'commander';
import { type Define, onCall } from '../session/session.ts';

/** What can be typed after a command: its subcommands and its options. */
interface Words {
  /** `evidence snp`; empty for the program. */
  readonly command: string;
  readonly words: readonly string[];
}

const SHELLS: Readonly<Record<string, { readonly install: string; readonly script: (tree: readonly Words[]) => string }>> = {
  bash: { install: 'source <(teemu completion bash)', script: bash },
  zsh: { install: 'source <(teemu completion zsh)', script: zsh },
  fish: { install: 'teemu completion fish | source', script: fish },
};

/** Adds what `teemu completion` takes and does. */
export const defineCompletion: Define = (command, run) => {
  const installs = Object.entries(SHELLS).map(([name, { install }]) => `  ${name.padEnd(6)} ${install}`);
  command.addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS))).addHelpText('after', `\nTo have it in a shell, put the line into what the shell reads at its start:\n${installs.join('\n')}`);
  onCall(command, run, async ({ terminal }, [shell = '']) => {
    const program = command.parent ?? command;
    for (const { name, load } of run.commands) {
      const other = program.commands.find((candidate) => candidate.name() === name);
      if (other && other !== command) (await load())(other, run);
    }
    const script = SHELLS[shell]?.script(wordsOf(program)) ?? '';
    terminal.result({ shell, script }, () => script.trimEnd());
  });
};

/** The tree of commands, each with what can follow it. */
function wordsOf(program: Command): Words[] {
  const everywhere = ['--help', ...flagsOf(program)];
  const walk = (command: Command, path: readonly string[]): Words[] => [
    { command: path.join(' '), words: [...command.commands.map((sub) => sub.name()), ...new Set([...flagsOf(command), ...everywhere])] },
    ...command.commands.flatMap((sub) => walk(sub, [...path, sub.name()])),
  ];
  return walk(program, []);
}

function flagsOf(command: Command): string[] {
  return command.options.flatMap(({ long }) => long ?? []);
}

/** `'evidence'|'evidence snp'`: every path of commands there is, with something between. */
function pathsOf(tree: readonly Words[], between: string): string {
  return tree.flatMap(({ command }) => (command === '' ? [] : [`'${command}'`])).join(between);
}

function bash(tree: readonly Words[]): string {
  return `_teemu() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in ${pathsOf(tree, '|')}) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${tree.map(({ command, words }) => `    '${command}') words='${words.join(' ')}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _teemu teemu
`;
}

function zsh(tree: readonly Words[]): string {
  return `#compdef teemu
_teemu() {
  local at='' word choices=''
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${at:+$at }$word" in ${pathsOf(tree, '|')}) at="\${at:+$at }$word" ;; esac
  done
  case "$at" in
${tree.map(({ command, words }) => `    '${command}') choices='${words.join(' ')}' ;;`).join('\n')}
  esac
  compadd -- \${=choices}
  _files
}
compdef _teemu teemu
`;
}

function fish(tree: readonly Words[]): string {
  return `function __teemu_words
  set -l at ''
  for word in (commandline -opc)[2..]
    switch (string trim "$at $word")
      case ${pathsOf(tree, ' ')}
        set at (string trim "$at $word")
    end
  end
  switch "$at"
${tree.map(({ command, words }) => `    case '${command}'\n      printf '%s\\n' ${words.map((word) => `'${word}'`).join(' ')}`).join('\n')}
  end
end
complete -c teemu -a '(__teemu_words)'
`;
}
