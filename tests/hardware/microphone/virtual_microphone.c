/* A microphone without a kernel's card, for programs that use libasound: an external PCM plug-in ("ioplug").
 *
 * It delivers in real time by CLOCK_MONOTONIC the raw samples (S16_LE, mono, over and over) of a file, the same in every channel; a
 * reader that is late by more than the buffer gets -EPIPE, as from a card; and while a certain file exists it is
 * unplugged: every call gives -ENODEV.
 *
 *     pcm_type.virtual_microphone { lib "/…/libasound_module_pcm_virtual_microphone.so" }
 *     pcm.microphone { type virtual_microphone file "/…/sound.raw" unplugged "/…/unplugged" }
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000LL

struct microphone {
    snd_pcm_ioplug_t plug;
    int timer;
    int16_t *samples;
    size_t count;
    size_t next;
    char *unplugged;
    int64_t started;
    int running;
};

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * NANOSECONDS + time.tv_nsec;
}

static int is_gone(const struct microphone *microphone)
{
    return microphone->unplugged && access(microphone->unplugged, F_OK) == 0;
}

static void set_timer(struct microphone *microphone, int64_t period)
{
    const struct timespec time = {period / NANOSECONDS, period % NANOSECONDS};
    const struct itimerspec every = {time, time};
    timerfd_settime(microphone->timer, 0, &every, NULL);
}

static int start(snd_pcm_ioplug_t *plug)
{
    struct microphone *microphone = plug->private_data;
    if (is_gone(microphone))
        return -ENODEV;
    microphone->started = now();
    microphone->running = 1;
    set_timer(microphone, NANOSECONDS * plug->period_size / plug->rate);
    return 0;
}

static int stop(snd_pcm_ioplug_t *plug)
{
    struct microphone *microphone = plug->private_data;
    microphone->running = 0;
    set_timer(microphone, 0);
    return 0;
}

static int prepare(snd_pcm_ioplug_t *plug)
{
    return is_gone(plug->private_data) ? -ENODEV : 0;
}

/* How far the "hardware" has come: what a card would have captured by now, whether anybody read it or not. */
static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *plug)
{
    const struct microphone *microphone = plug->private_data;
    if (is_gone(microphone))
        return -ENODEV;
    if (!microphone->running)
        return 0;
    const uint64_t captured = (uint64_t)((double)(now() - microphone->started) / NANOSECONDS * plug->rate);
    if (captured > plug->appl_ptr + plug->buffer_size)
        return -EPIPE;
    snd_pcm_sw_params_t *parameters;
    snd_pcm_uframes_t boundary;
    snd_pcm_sw_params_alloca(&parameters);
    snd_pcm_sw_params_current(plug->pcm, parameters);
    snd_pcm_sw_params_get_boundary(parameters, &boundary);
    return (snd_pcm_sframes_t)(captured % boundary);
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *plug, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
                                  snd_pcm_uframes_t size)
{
    struct microphone *microphone = plug->private_data;
    if (is_gone(microphone))
        return -ENODEV;
    for (snd_pcm_uframes_t frame = offset; frame < offset + size; frame++) {
        const int16_t sample = microphone->samples[microphone->next++ % microphone->count];
        for (unsigned channel = 0; channel < plug->channels; channel++) {
            char *start_of_channel = (char *)areas[channel].addr + areas[channel].first / 8;
            *(int16_t *)(start_of_channel + frame * areas[channel].step / 8) = sample;
        }
    }
    return (snd_pcm_sframes_t)size;
}

static int poll_revents(snd_pcm_ioplug_t *plug, struct pollfd *fds, unsigned count, unsigned short *revents)
{
    const struct microphone *microphone = plug->private_data;
    uint64_t expirations;
    (void)count;
    if (is_gone(microphone)) {
        *revents = POLLERR | POLLHUP;
        return 0;
    }
    /* Nothing to read only means that the timer has not run out since. */
    if ((fds->revents & POLLIN) && read(fds->fd, &expirations, sizeof expirations) < 0)
        fds->revents &= ~POLLIN;
    *revents = fds->revents;
    return 0;
}

static void release(struct microphone *microphone)
{
    close(microphone->timer);
    free(microphone->samples);
    free(microphone->unplugged);
    free(microphone);
}

static int close_plug(snd_pcm_ioplug_t *plug)
{
    release(plug->private_data);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = start,
    .stop = stop,
    .prepare = prepare,
    .pointer = pointer,
    .transfer = transfer,
    .poll_revents = poll_revents,
    .close = close_plug,
};

static int read_samples(struct microphone *microphone, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return -errno;
    fseek(file, 0, SEEK_END);
    const long bytes = ftell(file);
    rewind(file);
    microphone->samples = bytes < 2 ? NULL : malloc(bytes);
    if (microphone->samples)
        microphone->count = fread(microphone->samples, 2, bytes / 2, file);
    fclose(file);
    return microphone->count ? 0 : -EINVAL;
}

static int offer(snd_pcm_ioplug_t *plug)
{
    static const unsigned access_kinds[] = {SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_MMAP_INTERLEAVED};
    static const unsigned formats[] = {SND_PCM_FORMAT_S16_LE};
    static const struct {
        int what;
        unsigned least, most;
    } ranges[] = {
        {SND_PCM_IOPLUG_HW_CHANNELS, 1, 8},
        {SND_PCM_IOPLUG_HW_RATE, 8000, 192000},
        {SND_PCM_IOPLUG_HW_PERIOD_BYTES, 128, 1 << 16},
        {SND_PCM_IOPLUG_HW_BUFFER_BYTES, 512, 1 << 20},
        {SND_PCM_IOPLUG_HW_PERIODS, 2, 64},
    };
    int error = snd_pcm_ioplug_set_param_list(plug, SND_PCM_IOPLUG_HW_ACCESS, 2, access_kinds);
    if (!error)
        error = snd_pcm_ioplug_set_param_list(plug, SND_PCM_IOPLUG_HW_FORMAT, 1, formats);
    for (size_t index = 0; !error && index < sizeof ranges / sizeof *ranges; index++)
        error = snd_pcm_ioplug_set_param_minmax(plug, ranges[index].what, ranges[index].least, ranges[index].most);
    return error;
}

SND_PCM_PLUGIN_DEFINE_FUNC(virtual_microphone)
{
    snd_config_iterator_t at, next;
    const char *file = NULL, *unplugged = NULL;
    if (stream != SND_PCM_STREAM_CAPTURE)
        return -EINVAL;
    snd_config_for_each(at, next, conf) {
        snd_config_t *entry = snd_config_iterator_entry(at);
        const char *key;
        if (snd_config_get_id(entry, &key) < 0 || !strcmp(key, "type") || !strcmp(key, "comment") || !strcmp(key, "hint"))
            continue;
        if (!strcmp(key, "file"))
            snd_config_get_string(entry, &file);
        else if (!strcmp(key, "unplugged"))
            snd_config_get_string(entry, &unplugged);
        else {
            SNDERR("virtual_microphone: unknown field %s", key);
            return -EINVAL;
        }
    }
    struct microphone *microphone = calloc(1, sizeof *microphone);
    if (!microphone)
        return -ENOMEM;
    microphone->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    microphone->unplugged = unplugged ? strdup(unplugged) : NULL;
    int error = file ? read_samples(microphone, file) : -EINVAL;
    if (!error && is_gone(microphone))
        error = -ENODEV;
    if (error) {
        release(microphone);
        return error;
    }
    microphone->plug.version = SND_PCM_IOPLUG_VERSION;
    microphone->plug.name = "virtual microphone";
    microphone->plug.flags = SND_PCM_IOPLUG_FLAG_BOUNDARY_WA;
    microphone->plug.callback = &callbacks;
    microphone->plug.private_data = microphone;
    microphone->plug.poll_fd = microphone->timer;
    microphone->plug.poll_events = POLLIN;
    error = snd_pcm_ioplug_create(&microphone->plug, name, stream, mode);
    if (error) {
        release(microphone);
        return error;
    }
    error = offer(&microphone->plug);
    if (error) {
        snd_pcm_ioplug_delete(&microphone->plug);
        return error;
    }
    *pcmp = microphone->plug.pcm;
    return 0;
}
SND_PCM_PLUGIN_SYMBOL(virtual_microphone);
