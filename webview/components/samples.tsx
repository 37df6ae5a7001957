import type { Preview, SolverView } from '../state';
import { state } from '../store';

/** The same noises through the teacher, the learned solver and the best classic one. */
export function Samples({ solver }: { readonly solver: SolverView | null }) {
  const { teacherPreview, started } = state.value;
  const learned = solver?.learnedPreview ?? null;
  const classic = solver?.classicPreview ?? null;
  return (
    <section aria-labelledby="samples-title">
      <h2 id="samples-title">Samples</h2>
      <p class="quiet">Each place in a grid starts from the same noise. None of them was used for learning.</p>
      <div class="grids">
        <Grid
          which="teacher"
          title="Teacher"
          preview={teacherPreview}
          detail={teacherPreview?.label ?? started?.teacher}
        />
        <Grid which="learned" title="Learned" preview={learned} detail={learned?.label} />
        <Grid which="classic" title="Best classic" preview={classic} detail={classic?.label} />
      </div>
    </section>
  );
}

interface GridProps {
  readonly which: Preview['which'];
  readonly title: string;
  readonly preview: Preview | null;
  readonly detail: string | undefined;
}

function Grid({ which, title, preview, detail }: GridProps) {
  return (
    <figure class={`grid grid-${which}`}>
      {preview === null ? (
        <div class="grid-empty">not drawn yet</div>
      ) : (
        <img
          data-testid={`preview-${which}`}
          src={preview.src}
          width={preview.width}
          height={preview.height}
          alt={`${title}: ${preview.columns * preview.rows} samples in ${preview.rows} rows of ${preview.columns}, ${preview.label}`}
        />
      )}
      <figcaption>
        <strong>{title}</strong>
        {detail !== undefined && <span class="quiet">{detail}</span>}
      </figcaption>
    </figure>
  );
}
