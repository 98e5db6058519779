"""`dagset completion`: the script that makes a shell complete commands, options and files."""

import click

__all__ = ["completion"]


@click.command(short_help="Print the script by which a shell completes dagset's words.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL on stdout. Asks no cluster, neither now nor at a key.

    \b
    Install it, then open a new shell:
      bash (4.4 or newer):
        dagset completion bash > ~/.dagset-complete.bash
        echo '. ~/.dagset-complete.bash' >> ~/.bashrc
      zsh:
        dagset completion zsh > ~/.dagset-complete.zsh
        echo '. ~/.dagset-complete.zsh' >> ~/.zshrc       (after compinit)
      fish:
        dagset completion fish > ~/.config/fish/completions/dagset.fish
    """
    from click.shell_completion import get_completion_class

    known = get_completion_class(shell)
    if known is None:
        raise click.UsageError(f"this version of click completes no {shell}")
    click.echo(known(ctx.find_root().command, {}, "dagset", "_DAGSET_COMPLETE").source())
