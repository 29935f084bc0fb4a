# bash completion for jobd. Made by jobd.manual from the program itself: do not edit.

_jobd_offer() {
    local word
    for word in "$@"; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$lead$word")
    done
}

_jobd_jobs() {
    local id rest before=${cur%"${cur##*,}"}
    while IFS=$'\t' read -r id rest; do
        _jobd_offer "$before$id"
    done < <("$jobd" __complete ids 2>/dev/null)
}

_jobd_files() {
    local name
    while IFS= read -r name; do
        COMPREPLY+=("$lead$name")
    done < <(compgen "$1" -- "$cur")
    compopt -o filenames 2>/dev/null
}

_jobd_command() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        _jobd_files -c
    else
        _jobd_files -f
    fi
}

_jobd_enter() {
    case "$path:$word" in
        ':attach')
            path='attach'
            ;;
        ':begin')
            path='begin'
            ;;
        ':cancel' | ':kill')
            path='cancel'
            ;;
        ':check')
            path='check'
            ;;
        ':completion')
            path='completion'
            ;;
        'completion:bash')
            path='completion bash'
            ;;
        'completion:fish')
            path='completion fish'
            ;;
        'completion:install')
            path='completion install'
            ;;
        'completion:zsh')
            path='completion zsh'
            ;;
        ':config')
            path='config'
            ;;
        'config:check')
            path='config check'
            ;;
        'config:path')
            path='config path'
            ;;
        'config:show')
            path='config show'
            ;;
        'config:template')
            path='config template'
            ;;
        ':daemon')
            path='daemon'
            ;;
        'daemon:install')
            path='daemon install'
            ;;
        'daemon:logs')
            path='daemon logs'
            ;;
        'daemon:reload')
            path='daemon reload'
            ;;
        'daemon:restart')
            path='daemon restart'
            ;;
        'daemon:run')
            path='daemon run'
            ;;
        'daemon:start')
            path='daemon start'
            ;;
        'daemon:status')
            path='daemon status'
            ;;
        'daemon:stop')
            path='daemon stop'
            ;;
        ':db')
            path='db'
            ;;
        'db:backup')
            path='db backup'
            ;;
        'db:check')
            path='db check'
            ;;
        'db:path')
            path='db path'
            ;;
        'db:restore')
            path='db restore'
            ;;
        'db:vacuum')
            path='db vacuum'
            ;;
        ':doctor')
            path='doctor'
            ;;
        ':end')
            path='end'
            ;;
        ':events')
            path='events'
            ;;
        ':help')
            path='help'
            ;;
        ':history')
            path='history'
            ;;
        ':item')
            path='item'
            ;;
        ':items')
            path='items'
            ;;
        ':last')
            path='last'
            ;;
        ':list' | ':ls' | ':ps')
            path='list'
            ;;
        ':log' | ':cat' | ':logs')
            path='log'
            ;;
        ':pause' | ':suspend')
            path='pause'
            ;;
        ':preset')
            path='preset'
            ;;
        'preset:list')
            path='preset list'
            ;;
        'preset:rm')
            path='preset rm'
            ;;
        'preset:save')
            path='preset save'
            ;;
        ':progress' | ':beat' | ':message' | ':note' | ':stage' | ':stages')
            path='progress'
            ;;
        ':resume')
            path='resume'
            ;;
        ':retry' | ':restart')
            path='retry'
            ;;
        ':rm')
            path='rm'
            ;;
        ':rpc')
            path='rpc'
            ;;
        ':run')
            path='run'
            ;;
        ':shell-init')
            path='shell-init'
            ;;
        ':slow')
            path='slow'
            ;;
        ':stats')
            path='stats'
            ;;
        ':status' | ':info' | ':show')
            path='status'
            ;;
        ':submit' | ':add')
            path='submit'
            ;;
        ':tail' | ':follow')
            path='tail'
            ;;
        ':wait')
            path='wait'
            ;;
        ':watchers')
            path='watchers'
            ;;
        *) return 1 ;;
    esac
}

_jobd_takes_value() {
    case "$path:$word" in
        ':--color')
            :
            ;;
        'attach:-J' | 'attach:--name' | 'attach:-g' | 'attach:--group' | 'attach:--tag' | 'attach:--request-id' | 'attach:--beat-every' | 'attach:--stale-after' | 'attach:--parent' | 'attach:--weight' | 'attach:--format' | 'attach:--color')
            :
            ;;
        'begin:--pid' | 'begin:-g' | 'begin:--group' | 'begin:--tag' | 'begin:--request-id' | 'begin:--beat-every' | 'begin:--stale-after' | 'begin:--parent' | 'begin:--weight' | 'begin:--format' | 'begin:--color')
            :
            ;;
        'cancel:--where' | 'cancel:-s' | 'cancel:--signal' | 'cancel:--grace' | 'cancel:--reason' | 'cancel:--format' | 'cancel:--color')
            :
            ;;
        'check:--max-age' | 'check:--color')
            :
            ;;
        'completion:--color')
            :
            ;;
        'completion bash:--color')
            :
            ;;
        'completion fish:--color')
            :
            ;;
        'completion install:--shell' | 'completion install:--color')
            :
            ;;
        'completion zsh:--color')
            :
            ;;
        'config:--color')
            :
            ;;
        'config check:--color')
            :
            ;;
        'config path:--color')
            :
            ;;
        'config show:--color')
            :
            ;;
        'config template:--color')
            :
            ;;
        'daemon:--color')
            :
            ;;
        'daemon install:--color')
            :
            ;;
        'daemon logs:-n' | 'daemon logs:--lines' | 'daemon logs:--color')
            :
            ;;
        'daemon reload:--color')
            :
            ;;
        'daemon restart:--color')
            :
            ;;
        'daemon run:--color')
            :
            ;;
        'daemon start:--color')
            :
            ;;
        'daemon status:--color')
            :
            ;;
        'daemon stop:--color')
            :
            ;;
        'db:--color')
            :
            ;;
        'db backup:--color')
            :
            ;;
        'db check:--color')
            :
            ;;
        'db path:--color')
            :
            ;;
        'db restore:--color')
            :
            ;;
        'db vacuum:--color')
            :
            ;;
        'doctor:--color')
            :
            ;;
        'end:--where' | 'end:--exit' | 'end:--format' | 'end:--color')
            :
            ;;
        'events:--since-seq' | 'events:-S' | 'events:--since' | 'events:--starttime' | 'events:-E' | 'events:--until' | 'events:--endtime' | 'events:--job' | 'events:--name' | 'events:-g' | 'events:--group' | 'events:--where' | 'events:--user' | 'events:--type' | 'events:--severity' | 'events:--limit' | 'events:--coalesce' | 'events:--heartbeat' | 'events:--format' | 'events:--color')
            :
            ;;
        'help:--color')
            :
            ;;
        'history:--where' | 'history:-s' | 'history:--state' | 'history:--name' | 'history:-g' | 'history:--group' | 'history:-S' | 'history:--since' | 'history:--starttime' | 'history:-E' | 'history:--until' | 'history:--endtime' | 'history:--sort' | 'history:--limit' | 'history:--page' | 'history:--export' | 'history:--format' | 'history:--color')
            :
            ;;
        'item:--job' | 'item:--weight' | 'item:--color')
            :
            ;;
        'items:-s' | 'items:--state' | 'items:--after' | 'items:--limit' | 'items:--format' | 'items:--color')
            :
            ;;
        'last:--format' | 'last:--color')
            :
            ;;
        'list:-s' | 'list:--state' | 'list:--name' | 'list:-g' | 'list:--group' | 'list:--where' | 'list:--parent' | 'list:--limit' | 'list:--format' | 'list:--color')
            :
            ;;
        'log:--where' | 'log:--attempt' | 'log:-n' | 'log:-l' | 'log:--lines' | 'log:--color')
            :
            ;;
        'pause:--where' | 'pause:--format' | 'pause:--color')
            :
            ;;
        'preset:--color')
            :
            ;;
        'preset list:--color')
            :
            ;;
        'preset rm:--color')
            :
            ;;
        'preset save:--color')
            :
            ;;
        'progress:--job' | 'progress:--rate-limited' | 'progress:--color')
            :
            ;;
        'resume:--where' | 'resume:--format' | 'resume:--color')
            :
            ;;
        'retry:--where' | 'retry:--format' | 'retry:--color')
            :
            ;;
        'rm:--where' | 'rm:--format' | 'rm:--color')
            :
            ;;
        'rpc:--color')
            :
            ;;
        'run:-J' | 'run:--name' | 'run:--job-name' | 'run:-w' | 'run:--cwd' | 'run:--chdir' | 'run:--working-directory' | 'run:-g' | 'run:--group' | 'run:--partition' | 'run:-o' | 'run:--priority' | 'run:--tag' | 'run:--env' | 'run:--export' | 'run:--stdin' | 'run:--nice' | 'run:--signal' | 'run:--grace' | 'run:--leftover' | 'run:--output-limit' | 'run:--progress' | 'run:--request-id' | 'run:--parent' | 'run:--weight' | 'run:--retries' | 'run:--retry-delay' | 'run:--beat-every' | 'run:--stale-after' | 'run:--on-stale' | 'run:--color')
            :
            ;;
        'shell-init:--prefix' | 'shell-init:--color')
            :
            ;;
        'slow:--factor' | 'slow:--where' | 'slow:--name' | 'slow:-g' | 'slow:--group' | 'slow:-S' | 'slow:--since' | 'slow:--starttime' | 'slow:-E' | 'slow:--until' | 'slow:--endtime' | 'slow:--limit' | 'slow:--page' | 'slow:--format' | 'slow:--color')
            :
            ;;
        'stats:--name' | 'stats:-g' | 'stats:--group' | 'stats:--by' | 'stats:--label' | 'stats:-S' | 'stats:--since' | 'stats:--starttime' | 'stats:-E' | 'stats:--until' | 'stats:--endtime' | 'stats:--where' | 'stats:--limit' | 'stats:--color')
            :
            ;;
        'status:--where' | 'status:--format' | 'status:--color')
            :
            ;;
        'submit:-J' | 'submit:--name' | 'submit:--job-name' | 'submit:-w' | 'submit:--cwd' | 'submit:--chdir' | 'submit:--working-directory' | 'submit:-g' | 'submit:--group' | 'submit:--partition' | 'submit:-o' | 'submit:--priority' | 'submit:--tag' | 'submit:--env' | 'submit:--export' | 'submit:--stdin' | 'submit:--nice' | 'submit:--signal' | 'submit:--grace' | 'submit:--leftover' | 'submit:--output-limit' | 'submit:--progress' | 'submit:--request-id' | 'submit:--parent' | 'submit:--weight' | 'submit:--retries' | 'submit:--retry-delay' | 'submit:--beat-every' | 'submit:--stale-after' | 'submit:--on-stale' | 'submit:--format' | 'submit:--color')
            :
            ;;
        'tail:--where' | 'tail:-n' | 'tail:-l' | 'tail:--lines' | 'tail:--name' | 'tail:--color')
            :
            ;;
        'wait:--where' | 'wait:--for' | 'wait:-s' | 'wait:--state' | 'wait:--timeout' | 'wait:--format' | 'wait:--color')
            :
            ;;
        'watchers:--format' | 'watchers:--color')
            :
            ;;
        *) return 1 ;;
    esac
}

_jobd_value() {
    case "$path:$option" in
        ':--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'attach:--parent')
            _jobd_jobs
            ;;
        'attach:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'begin:--parent')
            _jobd_jobs
            ;;
        'begin:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'cancel:-s' | 'cancel:--signal')
            _jobd_offer 'TERM' 'INT' 'HUP' 'QUIT' 'KILL' 'USR1' 'USR2' 'STOP' 'CONT'
            ;;
        'cancel:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'check:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'completion:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'completion bash:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'completion fish:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'completion install:--shell')
            _jobd_offer 'bash' 'zsh' 'fish'
            ;;
        'completion install:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'completion zsh:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'config:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'config check:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'config path:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'config show:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'config template:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'daemon:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'daemon install:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'daemon logs:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'daemon reload:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'daemon restart:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'daemon run:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'daemon start:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'daemon status:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'daemon stop:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'db:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'db backup:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'db check:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'db path:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'db restore:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'db vacuum:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'doctor:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'end:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'events:--job')
            _jobd_jobs
            ;;
        'events:--type')
            _jobd_offer 'submitted' 'begun' 'imported' 'stale' 'revived' 'adopted' 'progressed' 'items_changed' 'report_rejected' 'children_counted' 'measured' 'output_trimmed' 'cancel_stalled' 'rate_limited' 'rate_limit_lifted' 'opened' 'withdrawn' 'started' 'pause_asked' 'paused' 'resumed' 'draining' 'cancel_asked' 'completed' 'failed' 'attempt_failed' 'canceled' 'retried' 'removed'
            ;;
        'events:--severity')
            _jobd_offer 'low' 'medium' 'high' 'critical'
            ;;
        'events:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'help:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'history:-s' | 'history:--state')
            _jobd_offer 'pending' 'running' 'pausing' 'paused' 'completing' 'completed' 'canceling' 'canceled' 'failed'
            ;;
        'history:--export')
            _jobd_offer 'csv' 'jsonl'
            ;;
        'history:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'item:--job')
            _jobd_jobs
            ;;
        'item:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'items:-s' | 'items:--state')
            _jobd_offer 'pending' 'processing' 'completed' 'failed' 'skipped' 'canceled'
            ;;
        'items:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'last:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'list:-s' | 'list:--state')
            _jobd_offer 'pending' 'running' 'pausing' 'paused' 'completing' 'completed' 'canceling' 'canceled' 'failed'
            ;;
        'list:--parent')
            _jobd_jobs
            ;;
        'list:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'log:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'pause:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'preset:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'preset list:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'preset rm:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'preset save:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'progress:--job')
            _jobd_jobs
            ;;
        'progress:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'resume:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'retry:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'rm:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'rpc:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'run:-w' | 'run:--cwd' | 'run:--chdir' | 'run:--working-directory')
            _jobd_files -d
            ;;
        'run:--stdin')
            _jobd_files -f
            ;;
        'run:--signal')
            _jobd_offer 'TERM' 'INT' 'HUP' 'QUIT' 'KILL' 'USR1' 'USR2' 'STOP' 'CONT'
            ;;
        'run:--leftover')
            _jobd_offer 'kill' 'wait' 'leave'
            ;;
        'run:--progress')
            _jobd_offer 'reports' 'auto'
            ;;
        'run:--parent')
            _jobd_jobs
            ;;
        'run:--on-stale')
            _jobd_offer 'note' 'cancel' 'retry'
            ;;
        'run:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'shell-init:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'slow:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'stats:--by')
            _jobd_offer 'name' 'group' 'day' 'label'
            ;;
        'stats:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'status:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'submit:-w' | 'submit:--cwd' | 'submit:--chdir' | 'submit:--working-directory')
            _jobd_files -d
            ;;
        'submit:--stdin')
            _jobd_files -f
            ;;
        'submit:--signal')
            _jobd_offer 'TERM' 'INT' 'HUP' 'QUIT' 'KILL' 'USR1' 'USR2' 'STOP' 'CONT'
            ;;
        'submit:--leftover')
            _jobd_offer 'kill' 'wait' 'leave'
            ;;
        'submit:--progress')
            _jobd_offer 'reports' 'auto'
            ;;
        'submit:--parent')
            _jobd_jobs
            ;;
        'submit:--on-stale')
            _jobd_offer 'note' 'cancel' 'retry'
            ;;
        'submit:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'tail:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'wait:-s' | 'wait:--state')
            _jobd_offer 'pending' 'running' 'pausing' 'paused' 'completing' 'completed' 'canceling' 'canceled' 'failed'
            ;;
        'wait:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        'watchers:--color')
            _jobd_offer 'auto' 'always' 'never'
            ;;
        *) : ;;
    esac
}

_jobd_verbs() {
    case "" in
        '')
            _jobd_offer 'attach' 'begin' 'cancel' 'check' 'completion' 'config' 'daemon' 'db' 'doctor' 'end' 'events' 'help' 'history' 'item' 'items' 'last' 'list' 'log' 'pause' 'preset' 'progress' 'resume' 'retry' 'rm' 'rpc' 'run' 'shell-init' 'slow' 'stats' 'status' 'submit' 'tail' 'wait' 'watchers'
            ;;
        *) : ;;
    esac
}

_jobd_options() {
    case "$path" in
        '')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--version' '--help'
            ;;
        'attach')
            _jobd_offer '--name' '--group' '--tag' '--request-id' '--beat-every' '--stale-after' '--parent' '--weight' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'begin')
            _jobd_offer '--pid' '--group' '--tag' '--request-id' '--beat-every' '--stale-after' '--parent' '--no-parent' '--weight' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'cancel')
            _jobd_offer '--where' '--signal' '--grace' '--reason' '--abandon' '--wait' '--yes' '--dry-run' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'check')
            _jobd_offer '--success' '--max-age' '--json' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'completion')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'completion bash')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'completion fish')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'completion install')
            _jobd_offer '--shell' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'completion zsh')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'config')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'config check')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'config path')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'config show')
            _jobd_offer '--origin' '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'config template')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'daemon')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'daemon install')
            _jobd_offer '--now' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'daemon logs')
            _jobd_offer '--lines' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'daemon reload')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'daemon restart')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'daemon run')
            _jobd_offer '--memory' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'daemon start')
            _jobd_offer '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'daemon status')
            _jobd_offer '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'daemon stop')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'db')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'db backup')
            _jobd_offer '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'db check')
            _jobd_offer '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'db path')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'db restore')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'db vacuum')
            _jobd_offer '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'doctor')
            _jobd_offer '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'end')
            _jobd_offer '--where' '--exit' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'events')
            _jobd_offer '--since-seq' '--since' '--starttime' '--until' '--endtime' '--follow' '--job' '--name' '--group' '--where' '--user' '--type' '--severity' '--limit' '--snapshot' '--coalesce' '--heartbeat' '--presence' '--format' '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'help')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'history')
            _jobd_offer '--where' '--state' '--name' '--group' '--since' '--starttime' '--until' '--endtime' '--sort' '--limit' '--page' '--count' '--fields' '--export' '--explain' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'item')
            _jobd_offer '--job' '--weight' '--stdin' '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'items')
            _jobd_offer '--state' '--failed' '--after' '--limit' '--plain' '--format' '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'last')
            _jobd_offer '--success' '--failed' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'list')
            _jobd_offer '--all' '--state' '--name' '--group' '--where' '--parent' '--limit' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'log')
            _jobd_offer '--where' '--attempt' '--lines' '--stdout' '--stderr' '--path' '--raw' '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'pause')
            _jobd_offer '--where' '--yes' '--dry-run' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'preset')
            _jobd_offer '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'preset list')
            _jobd_offer '--plain' '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'preset rm')
            _jobd_offer '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'preset save')
            _jobd_offer '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'progress')
            _jobd_offer '--job' '--rate-limited' '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'resume')
            _jobd_offer '--where' '--yes' '--dry-run' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'retry')
            _jobd_offer '--where' '--failed' '--failed-items' '--yes' '--dry-run' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'rm')
            _jobd_offer '--where' '--yes' '--dry-run' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'rpc')
            _jobd_offer '--schema' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'run')
            _jobd_offer '--name' '--job-name' '--cwd' '--chdir' '--working-directory' '--group' '--partition' '--priority' '--tag' '--env' '--export' '--stdin' '--split' '--nice' '--signal' '--grace' '--leftover' '--output-limit' '--progress' '--request-id' '--parent' '--no-parent' '--weight' '--retries' '--retry-delay' '--beat-every' '--stale-after' '--on-stale' '--quiet-ok' '--timestamps' '--raw' '--json' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'shell-init')
            _jobd_offer '--prefix' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'slow')
            _jobd_offer '--factor' '--where' '--name' '--group' '--since' '--starttime' '--until' '--endtime' '--limit' '--page' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'stats')
            _jobd_offer '--name' '--group' '--by' '--label' '--since' '--starttime' '--until' '--endtime' '--where' '--limit' '--plain' '--json' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'status')
            _jobd_offer '--where' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'submit')
            _jobd_offer '--name' '--job-name' '--cwd' '--chdir' '--working-directory' '--group' '--partition' '--priority' '--tag' '--env' '--export' '--stdin' '--split' '--nice' '--signal' '--grace' '--leftover' '--output-limit' '--progress' '--request-id' '--parent' '--no-parent' '--weight' '--retries' '--retry-delay' '--beat-every' '--stale-after' '--on-stale' '--print-id' '--parsable' '--follow' '--wait' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'tail')
            _jobd_offer '--where' '--follow' '--lines' '--all' '--stdout' '--stderr' '--timestamps' '--raw' '--exit-status' '--name' '--json' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'wait')
            _jobd_offer '--where' '--for' '--state' '--any' '--all' '--timeout' '--bell' '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        'watchers')
            _jobd_offer '--json' '--format' '--plain' '--quiet' '--no-start' '--ascii' '--color' '--no-pager' '--help'
            ;;
        *) : ;;
    esac
}

_jobd_words() {
    case "$path:$given" in
        ':0')
            _jobd_offer 'attach' 'begin' 'cancel' 'check' 'completion' 'config' 'daemon' 'db' 'doctor' 'end' 'events' 'help' 'history' 'item' 'items' 'last' 'list' 'log' 'pause' 'preset' 'progress' 'resume' 'retry' 'rm' 'rpc' 'run' 'shell-init' 'slow' 'stats' 'status' 'submit' 'tail' 'wait' 'watchers'
            ;;
        'cancel:'*)
            _jobd_jobs
            ;;
        'completion:0')
            _jobd_offer 'bash' 'fish' 'install' 'zsh'
            ;;
        'config:0')
            _jobd_offer 'check' 'path' 'show' 'template'
            ;;
        'daemon:0')
            _jobd_offer 'install' 'logs' 'reload' 'restart' 'run' 'start' 'status' 'stop'
            ;;
        'db:0')
            _jobd_offer 'backup' 'check' 'path' 'restore' 'vacuum'
            ;;
        'db backup:0')
            _jobd_files -f
            ;;
        'db restore:0')
            _jobd_files -f
            ;;
        'end:'*)
            _jobd_jobs
            ;;
        'help:'*)
            _jobd_command "$COMP_CWORD"
            ;;
        'items:0')
            _jobd_jobs
            ;;
        'list:'*)
            _jobd_jobs
            ;;
        'log:'*)
            _jobd_jobs
            ;;
        'pause:'*)
            _jobd_jobs
            ;;
        'preset:0')
            _jobd_offer 'list' 'rm' 'save'
            ;;
        'resume:'*)
            _jobd_jobs
            ;;
        'retry:'*)
            _jobd_jobs
            ;;
        'rm:'*)
            _jobd_jobs
            ;;
        'run:'*)
            _jobd_command "$COMP_CWORD"
            ;;
        'status:'*)
            _jobd_jobs
            ;;
        'submit:'*)
            _jobd_command "$COMP_CWORD"
            ;;
        'tail:'*)
            _jobd_jobs
            ;;
        'wait:'*)
            _jobd_jobs
            ;;
        'watchers:0')
            _jobd_jobs
            ;;
        *) : ;;
    esac
}

_jobd_is_command() {
    case "$path:$given" in
        'help:0')
            :
            ;;
        'run:0')
            :
            ;;
        'submit:0')
            :
            ;;
        *) return 1 ;;
    esac
}

_jobd_after_dashes() {
    case "$path" in
        'cancel')
            _jobd_jobs
            ;;
        'end')
            _jobd_jobs
            ;;
        'help')
            _jobd_command "$1"
            ;;
        'items')
            _jobd_jobs
            ;;
        'list')
            _jobd_jobs
            ;;
        'log')
            _jobd_jobs
            ;;
        'pause')
            _jobd_jobs
            ;;
        'resume')
            _jobd_jobs
            ;;
        'retry')
            _jobd_jobs
            ;;
        'rm')
            _jobd_jobs
            ;;
        'run')
            _jobd_command "$1"
            ;;
        'status')
            _jobd_jobs
            ;;
        'submit')
            _jobd_command "$1"
            ;;
        'tail')
            _jobd_jobs
            ;;
        'wait')
            _jobd_jobs
            ;;
        'watchers')
            _jobd_jobs
            ;;
        *) : ;;
    esac
}

_jobd() {
    local jobd=$1 cur=${COMP_WORDS[COMP_CWORD]} lead= path= option= given=0 i word
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -n $option ]]; then
            [[ $word == = ]] || option=
        elif [[ $word == -- ]]; then
            _jobd_after_dashes "$((i + 1))"
            return
        elif [[ $word == -* ]]; then
            _jobd_takes_value && option=$word
        elif [[ $word == = ]]; then
            option=${COMP_WORDS[i - 1]}
        elif ! _jobd_enter; then
            _jobd_is_command && { _jobd_command "$i"; return; }
            ((given += 1))
        fi
    done
    [[ $cur == = ]] && cur= option=${COMP_WORDS[COMP_CWORD - 1]}
    if [[ -z $option && $cur == --*=* ]]; then
        option=${cur%%=*} lead=${cur%%=*}= cur=${cur#*=}
    fi
    if [[ -n $option ]]; then
        _jobd_value
    elif [[ $cur == -* ]]; then
        _jobd_options
    else
        _jobd_words
    fi
}

complete -F _jobd jobd
